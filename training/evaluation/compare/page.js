// What moves on the page: the order of the prompts, and which of them are shown.
"use strict";

const ORDERS = {
  size: (a, b) => Math.abs(b.dataset.difference) - Math.abs(a.dataset.difference),
  gain: (a, b) => b.dataset.difference - a.dataset.difference,
  loss: (a, b) => a.dataset.difference - b.dataset.difference,
  name: (a, b) => a.dataset.name.localeCompare(b.dataset.name, undefined, { numeric: true }),
};

function show(form) {
  const { text, order, benchmark } = Object.fromEntries(new FormData(form));
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const cards = [...document.querySelectorAll(".card")].sort(ORDERS[order]);
  let shown = 0;
  for (const card of cards) {
    const { dataset } = card;
    card.hidden = Boolean(benchmark && dataset.benchmark !== benchmark) || !words.every((word) => dataset.text.includes(word));
    shown += !card.hidden;
  }
  document.querySelector(".cards").replaceChildren(...cards);
  document.getElementById("shown").textContent = shown;
  document.getElementById("none").hidden = shown > 0;
}

const form = document.querySelector(".filters");
for (const event of ["input", "change"]) form.addEventListener(event, () => show(form));
form.addEventListener("submit", (event) => event.preventDefault());
show(form);
