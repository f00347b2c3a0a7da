"""The comparison as one HTML file that needs nothing around it: tables, and the images of the same prompts.

Prompts are escaped, and a content security policy lets only the page's own script run, by its hash, and loads nothing
from anywhere.
"""

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from importlib import resources

from training.evaluation.compare.pairs import Pair, Side
from training.evaluation.compare.runs import Rule, Run
from training.evaluation.compare.tables import MISSING, Table, is_sure
from training.evaluation.compare.thumbnails import thumbnail
from training.evaluation.scores import Estimate

MOST_BYTES = 18_000_000
"""Of all cards together; those that differ most come first."""

_PAGE = """<!doctype html>
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
<p class="kicker">Runs compared</p>
<h1>{title}</h1>
<p class="headline">{headline}</p>
</header>
<main>
{tables}
<section>
<h2>The same prompts</h2>
{filters}
<div class="cards" style="--runs: {runs}">
{cards}
</div>
<p id="none" hidden>No prompt is like that: widen the search.</p>
</section>
</main>
<footer>{footer}</footer>
<script>{script}</script>
</body>
</html>
"""

_FILTERS = """<form class="filters" role="search">
<label>Search <input type="search" name="text" placeholder="words of the prompt, or its id"></label>
<label>Show first <select name="order">
<option value="size">what differs most</option>
<option value="gain">what {last} draws better</option>
<option value="loss">what {last} draws worse</option>
<option value="name">by name</option>
</select></label>
{benchmarks}
</form>
<p class="count"><output id="shown">{count}</output> of {count} prompts{left_out}</p>"""

_RULES = {"legacy": "by the published rule", "fixed": "by the published rule without its known faults"}


def render(runs: Sequence[Run], tables: Sequence[Table], pairs: Sequence[Pair], rule: Rule) -> str:
    """The page: the same runs, the same text."""
    cards = _cards(pairs)
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _PAGE.format(
        policy=f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
        title=escape(" and ".join(run.name for run in runs)),
        style=_asset("page.css"),
        headline=escape(headline(runs, tables)),
        tables="\n".join(_table(table) for table in tables),
        filters=_filters(runs, pairs, len(cards)),
        runs=len(runs),
        cards="\n".join(cards),
        footer=f"Scores are {_RULES[rule]}; in brackets, 95&nbsp;% intervals over resampled prompts.",
        script=script,
    )


def headline(runs: Sequence[Run], tables: Sequence[Table]) -> str:
    """What the last run differs from the first by, and whether one can be sure of it."""
    first, last = runs[0].name, runs[-1].name
    clauses = [
        f"{last} scores {table.number(table.scores[last][column.label])} on {_measure(table, column.label)}, "
        f"{_compared(table, change)} {first}{'' if is_sure(change) else ', which may be chance'}"
        for table in tables
        for column in table.columns[:1]
        if (change := table.changes.get(last, {}).get(column.label)) is not None
    ]
    return f"{'; '.join(clauses)}." if clauses else f"{first} and {last} were evaluated on different things."


def _compared(table: Table, change: Estimate) -> str:
    if table.number(abs(change.value)) == table.number(0.0):
        return "the same as"
    return f"{table.number(abs(change.value))} {'more' if change.value > 0 else 'less'} than"


def _measure(table: Table, label: str) -> str:
    return table.title if label == "average" else f"{table.title} {label}"


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(column.label)}</th>' for column in table.columns)
    rows = "\n".join(_row(table, name) for name in table.scores)
    notes = "".join(f'<p class="note">{escape(note)}</p>\n' for note in table.notes)
    return (
        f"<section>\n<h2>{escape(table.title)}</h2>\n"
        f'<div class="scroll" tabindex="0"><table>\n<thead><tr><th scope="col">run</th>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>\n{notes}</section>"
    )


def _row(table: Table, name: str) -> str:
    cells = []
    for column in table.columns:
        score = table.scores[name].get(column.label)
        change = table.changes.get(name, {}).get(column.label)
        shown = MISSING if score is None else table.number(score)
        if change is not None:
            shown += (
                f'<small class="{_sign(change.value) if is_sure(change) else "unsure"}">{table.change(change)}</small>'
            )
        cells.append(f"<td>{shown}</td>")
    return f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>'


def _sign(value: float) -> str:
    return "gain" if value > 0 else "loss" if value < 0 else "unsure"


def _filters(runs: Sequence[Run], pairs: Sequence[Pair], count: int) -> str:
    there = list(dict.fromkeys(sorted(pair.evaluation for pair in pairs)))
    options = "".join(f"<option>{escape(name)}</option>" for name in there)
    menu = f'<label>Of <select name="benchmark"><option value="">all</option>{options}</select></label>'
    left_out = (
        f"; {len(pairs) - count:,} more differ less, and would make the page too large" if count < len(pairs) else ""
    )
    return _FILTERS.format(
        last=escape(runs[-1].name), benchmarks=menu if len(there) > 1 else "", count=count, left_out=left_out
    )


def _cards(pairs: Sequence[Pair]) -> list[str]:
    """As many cards as fit."""
    cards: list[str] = []
    size = 0
    for pair in pairs:
        card = _card(pair)
        size += len(card.encode())
        if size > MOST_BYTES:
            break
        cards.append(card)
    return cards


def _card(pair: Pair) -> str:
    data = {
        "benchmark": pair.evaluation,
        "name": f"{pair.evaluation} {pair.prompt_id}",
        "difference": f"{pair.difference:.6f}",
        "text": f"{pair.prompt_id}\n{pair.text}".casefold(),
    }
    attributes = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items())
    sides = "\n".join(_side(side) for side in pair.sides)
    change = f'<b class="{_sign(pair.difference)}">{100 * pair.difference:+.1f}</b>'
    return f"""<article class="card" {attributes}>
<p class="facts">{change} <span>{escape(pair.evaluation)} <code>{escape(pair.prompt_id)}</code></span></p>
<p class="prompt" dir="auto">{escape(pair.text)}</p>
<div class="sides">
{sides}
</div>
</article>"""


def _side(side: Side) -> str:
    source = thumbnail(side.image) if side.image else None
    picture = f'<img loading="lazy" alt="" src="{source}">' if source else '<div class="none">no image</div>'
    score = MISSING if side.score is None else f"{100 * side.score:.1f}"
    return f"<figure>{picture}<figcaption><span>{escape(side.run)}</span> <b>{score}</b></figcaption></figure>"


def _asset(name: str) -> str:
    return resources.files("training.evaluation.compare").joinpath(name).read_text(encoding="utf-8")
