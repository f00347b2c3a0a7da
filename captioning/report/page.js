// What moves on the page: the plots in the page's colours, and the gallery's search and filters.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");

function draw() {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim(), line = style.getPropertyValue("--line").trim();
  for (const place of document.querySelectorAll("[data-figure]")) {
    const { data, layout } = figures[place.dataset.figure];
    for (const name of Object.keys(layout).filter((name) => /^[xy]axis/.test(name))) {
      Object.assign(layout[name], { gridcolor: line, zerolinecolor: line, automargin: true });
    }
    Object.assign(layout, {
      autosize: true,
      paper_bgcolor: "transparent",
      plot_bgcolor: "transparent",
      font: { color: ink, family: getComputedStyle(document.body).fontFamily, size: 12 },
      margin: { l: 50, r: 20, t: 30, b: 40 },
      legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0, traceorder: "normal" },
    });
    Plotly.react(place, data, layout, { responsive: true, displayModeBar: false });
  }
}

function filter(form) {
  const { text, source, reason, flag } = Object.fromEntries(new FormData(form));
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const card of document.querySelectorAll(".card")) {
    const said = card.dataset;
    const fits =
      (!source || said.source === source) &&
      (!reason || said.reason === reason) &&
      (!flag || said.flags.split(" ").includes(flag)) &&
      words.every((word) => said.text.includes(word));
    card.hidden = !fits;
    shown += fits;
  }
  document.getElementById("shown").textContent = shown;
  document.getElementById("none").hidden = shown > 0;
}

if (document.querySelector("[data-figure]")) {
  draw();
  dark.addEventListener("change", draw);
}
const form = document.querySelector(".filters");
if (form) {
  for (const event of ["input", "change"]) form.addEventListener(event, () => filter(form));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => filter(form)));  // the fields are emptied after the event
  filter(form);
}
