"""The report as one HTML file that needs nothing around it: no network, no other file.

What strangers wrote is escaped, and a content security policy lets only the page's own two scripts run, by their
hashes, and loads nothing from anywhere: a slip in the escaping would be a blemish and no hole.
"""

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib import resources

from captioning.clip_tokens import CONTEXT
from captioning.report.content import Report, TextSet
from captioning.report.figures import Figure, figures
from captioning.report.gallery import gallery
from captioning.report.headline import headline, percent
from captioning.report.table import COLUMNS, MISSING, cells
from captioning.report.word_lists import top_words

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<header>
<p class="kicker">Caption report</p>
<h1>{title}</h1>
<p class="headline">{headline}</p>
</header>
<main>
{sections}
</main>
<footer>Words are what white space separates; parts of speech are NLTK's, of the text in lower case; tokens are those of
CLIP's tokenizer, start and end counted.</footer>
<script type="application/json" id="figures">{figures}</script>
<script>{plotly}</script>
<script>{script}</script>
</body>
</html>
"""

_SECTION = """<section id="{name}">
<h2>{title}</h2>
{body}
</section>"""

_PLOTS = {
    "Where rows are lost": ("funnel", "reasons"),
    "How long the texts are": ("lengths-tokens", "lengths-words"),
    "Aesthetic scores": ("scores",),
}
"""Sections of plots, and those plots' names."""

_LABELS = {
    "funnel": "Rows that each step let through",
    "reasons": "Why rows were dropped",
    "lengths-tokens": f"Share of texts by CLIP tokens, of which CLIP takes {CONTEXT}",
    "lengths-words": "Share of texts by words",
    "scores": "Images by score, and the share that a threshold keeps",
}


def render(report: Report) -> str:
    """The page: the same report, the same text."""
    plots = figures(report)
    script = _asset("page.js")
    plotly = _plotly() if plots else ""
    scripts = " ".join(_hash(text) for text in (plotly, script))
    policy = f"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src {scripts}"
    return PAGE.format(
        policy=policy,
        title=escape(report.title),
        style=_asset("page.css"),
        headline=escape(headline(report)).replace(" %", "\u00a0%"),
        sections="\n".join(_sections(report, plots)),
        figures=json.dumps(plots, ensure_ascii=True).replace("<", "\\u003c"),
        plotly=plotly,
        script=script,
    )


def _sections(report: Report, plots: dict[str, Figure]) -> list[str]:
    shown = [_SECTION.format(name="table", title="The texts", body=_table(report))] if report.texts else []
    for number, (title, names) in enumerate(_PLOTS.items()):
        bodies = [_plot(name) for name in names if name in plots]
        if bodies:
            body = f'<div class="plots">\n{"".join(bodies)}</div>'
            shown.append(_SECTION.format(name=f"plots-{number}", title=title, body=body))
    if any(texts.is_caption for texts in report.texts):
        shown.append(_SECTION.format(name="words", title="What the captions are made of", body=top_words(report.texts)))
    if report.samples:
        legend = _LEGEND if report.parts_of_speech else ""
        shown.append(_SECTION.format(name="gallery", title="Samples", body=legend + gallery(report)))
    return shown


def _plot(name: str) -> str:
    return f'<figure><figcaption>{_LABELS[name]}</figcaption><div class="plot" data-figure="{name}"></div></figure>\n'


_LEGEND = (
    '<p class="legend"><i class="nn">nouns</i> <i class="jj">adjectives and adverbs</i> '
    '<i class="in">prepositions</i></p>\n'
)


def _table(report: Report) -> str:
    """The paper's columns, and beside them what a trainer asks next."""
    header = ["texts of", "texts", *COLUMNS, "distinct nouns", f"over {CONTEXT} tokens", "in alt-text"]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    rows = "\n".join(_row(texts) for texts in report.texts)
    notes = "".join(f'<p class="note">{escape(note)}</p>\n' for note in report.notes)
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"
    caption = "Averages a text, with standard errors; last, the share of the words that the alt-text has too."
    return f'<p>{caption}</p>\n<div class="scroll" tabindex="0">{table}</div>\n{notes}'


def _row(texts: TextSet) -> str:
    name, *values = cells(texts)
    nouns = texts.statistics.distinct_nouns
    more = [
        MISSING if nouns is None else f"{nouns:,}",
        percent(texts.statistics.cut_by_clip),
        "" if texts.in_alt_text is None else percent(texts.in_alt_text),
    ]
    shown = "".join(_cell(value) for value in [*values, *more])
    return f'<tr><th scope="row">{escape(name)}</th>{shown}</tr>'


def _cell(value: str) -> str:
    if value == MISSING:
        return f'<td class="missing">{MISSING}</td>'
    number, sign, error = value.partition(" ± ")
    return f"<td>{escape(number)} <small>±{escape(error)}</small></td>" if sign else f"<td>{escape(number)}</td>"


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _asset(name: str) -> str:
    return resources.files("captioning.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    """Plotly's own script, with the line ends that a browser hashes."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("\r\n", "\n").replace("\r", "\n")
