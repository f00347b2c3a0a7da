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
from captioning.encoder_tokens import ELLA_TOKENS
from captioning.report.content import Report
from captioning.report.drawing import Figure
from captioning.report.figures import figures
from captioning.report.gallery import gallery
from captioning.report.headline import headline
from captioning.report.table import MISSING, Table, overlap_table, repeats_table, texts_table
from captioning.report.word_lists import lost_names, most_repeated, top_words

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

_LABELS = {
    "funnel": "Rows that each step let through",
    "reasons": "Why rows were dropped",
    "lengths-tokens": f"Share of texts by CLIP tokens, of which CLIP takes {CONTEXT}",
    "lengths-encoder": f"Share of texts by the text encoder's tokens, of which ELLA takes {ELLA_TOKENS}",
    "lengths-words": "Share of texts by words",
    "scores": "Images by score, and the share that a threshold keeps",
    "outcomes-finish": "Captions by the reason why the captioner stopped",
    "outcomes-flags": "Captions by what was noticed about them",
    "outcomes-rules": "Captions by the cleaning rules that changed them",
    "growth-words": "Different words against texts read",
    "growth-nouns": "Different nouns against texts read",
}
"""What stands over each plot."""


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
    """From top to bottom; one that has nothing to show is left out."""
    captions = any(texts.is_caption for texts in report.texts)
    overlap = overlap_table(report.texts)
    legend = _LEGEND if report.parts_of_speech else ""
    bodies = {
        ("table", "The texts"): _texts(report) if report.texts else "",
        ("funnel", "Where rows are lost"): _plots(plots, "funnel", "reasons"),
        ("lengths", "How long the texts are"): _plots(plots, "lengths-tokens", "lengths-encoder", "lengths-words"),
        ("scores", "Aesthetic scores"): _plots(plots, "scores"),
        ("outcomes", "How the captions came out"): _plots(plots, "outcomes-finish", "outcomes-flags", "outcomes-rules"),
        ("overlap", "Old text against new"): _table(overlap) + lost_names(report.texts) if overlap else "",
        ("repeats", "What repeats"): _table(repeats_table(report.texts)) + most_repeated(report.texts)
        if report.texts
        else "",
        ("growth", "How the vocabulary grows"): _plots(plots, "growth-words", "growth-nouns"),
        ("words", "What the captions are made of"): top_words(report.texts) if captions else "",
        ("gallery", "Samples"): legend + gallery(report) if report.samples else "",
    }
    return [_SECTION.format(name=name, title=title, body=body) for (name, title), body in bodies.items() if body]


def _plots(plots: dict[str, Figure], *names: str) -> str:
    shown = "".join(_plot(name) for name in names if name in plots)
    return f'<div class="plots">\n{shown}</div>' if shown else ""


def _plot(name: str) -> str:
    return f'<figure><figcaption>{_LABELS[name]}</figcaption><div class="plot" data-figure="{name}"></div></figure>\n'


_LEGEND = (
    '<p class="legend"><i class="nn">nouns</i> <i class="jj">adjectives and adverbs</i> '
    '<i class="in">prepositions</i></p>\n'
)


def _texts(report: Report) -> str:
    notes = "".join(f'<p class="note">{escape(note)}</p>\n' for note in report.notes)
    return _table(texts_table(report.texts)) + notes


def _table(table: Table) -> str:
    """A table that scrolls to the side by itself where the page is narrow."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.header)
    rows = "\n".join(_row(*cells) for cells in table.rows)
    body = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"
    return f'<p>{escape(table.caption)}</p>\n<div class="scroll" tabindex="0">{body}</div>\n'


def _row(name: str, *cells: str) -> str:
    return f'<tr><th scope="row">{escape(name)}</th>{"".join(map(_cell, cells))}</tr>'


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
