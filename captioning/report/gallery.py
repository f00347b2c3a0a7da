"""The gallery: a card a sample, with what the search and the filters look at in its data attributes."""

import base64
from collections.abc import Callable, Iterable, Sequence
from html import escape

from captioning.report.colouring import pieces
from captioning.report.content import Report, Sample
from captioning.report.headline import reason_sentence

SHOWN = 200
"""Cards at most, whatever the size of the dataset."""
LONGEST = 1_500
"""Characters of a text that a card shows."""
KEPT = "kept"
"""Stands in the filter where others have a reason."""

_FILTERS = """<form class="filters" role="search">
<label>Search <input type="search" name="text" placeholder="words, URL or sample_id"></label>
{menus}
<button type="reset">Show all</button>
</form>
<p class="count"><output id="shown">{count}</output> of {count} samples</p>
<div class="cards">
{cards}
</div>
<p id="none" hidden>No sample is like that: widen the search.</p>"""


def gallery(report: Report) -> str:
    """The filters and the cards of a report's samples."""
    samples = report.samples[:SHOWN]
    menus = [
        _menu("source", "Source", [sample.source for sample in samples]),
        _menu("reason", "Kept or dropped", [sample.reason or KEPT for sample in samples]),
        _menu("flag", "Flag", [flag for sample in samples for flag in sample.flags]),
    ]
    colour = _coloured if report.parts_of_speech else escape
    cards = "\n".join(_card(sample, colour) for sample in samples)
    return _FILTERS.format(menus="\n".join(filter(None, menus)), count=len(samples), cards=cards)


def _menu(name: str, label: str, values: Iterable[str]) -> str:
    """One filter; none where there is nothing to choose from."""
    there = sorted(set(values))
    if not there:
        return ""
    options = "".join(f'<option value="{escape(value)}">{escape(value)}</option>' for value in there)
    return f'<label>{label} <select name="{name}"><option value="">all</option>{options}</select></label>'


def _card(sample: Sample, colour: Callable[[str], str]) -> str:
    texts = [*sample.captions.values(), sample.alt_text, sample.url, sample.sample_id]
    data = {
        "source": sample.source,
        "reason": sample.reason or KEPT,
        "flags": " ".join(sample.flags),
        "text": "\n".join(shorten(text).casefold() for text in texts if text),
    }
    attributes = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items())
    return f"""<article class="card" {attributes}>
{_picture(sample)}
<div class="said">
<p class="badges">{_badges(sample)}</p>
<dl>
{_said("alt-text", sample.alt_text, escape)}
{"".join(_said(name, caption, colour) for name, caption in sample.captions.items())}</dl>
<p class="facts">{_facts(sample)}</p>
</div>
</article>"""


def _picture(sample: Sample) -> str:
    if sample.thumbnail is None:
        return '<div class="picture none">no image</div>'
    data = base64.b64encode(sample.thumbnail).decode()
    return f'<img class="picture" loading="lazy" alt="" src="data:image/webp;base64,{data}">'


def _badges(sample: Sample) -> str:
    badges = [("source", sample.source, "")]
    badges.append(("dropped", sample.reason, reason_sentence(sample.reason)) if sample.reason else (KEPT, KEPT, ""))
    badges += [("flag", flag, reason_sentence(flag)) for flag in sample.flags if flag != sample.reason]
    return " ".join(
        f'<span class="badge {kind}" title="{escape(title)}">{escape(label)}</span>' for kind, label, title in badges
    )


def _said(name: str, text: str | None, show: Callable[[str], str]) -> str:
    shown = show(shorten(text)) if text else "<em>none</em>"
    return f'<dt>{escape(name)}</dt><dd dir="auto">{shown}</dd>\n'


def _facts(sample: Sample) -> str:
    facts = []
    if sample.reason:
        facts.append(escape(reason_sentence(sample.reason)))
    if sample.aesthetic is not None:
        facts.append(f"aesthetic {sample.aesthetic:.2f}")
    if sample.short_edge is not None:
        facts.append(f"short edge {sample.short_edge:,} px")
    facts.append(f"<code>{escape(sample.sample_id)}</code>")
    if sample.url:
        facts.append(f"<code>{escape(shorten(sample.url, 120))}</code>")
    return " · ".join(facts)


def _coloured(text: str) -> str:
    return "".join(f'<i class="{kind}">{escape(piece)}</i>' if kind else escape(piece) for piece, kind in pieces(text))


def shorten(text: str, longest: int = LONGEST) -> str:
    """`text`, or its start and an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def spread(groups: Sequence[Sequence[Sample]], size: int) -> list[Sample]:
    """`size` samples at most, taken from the groups in turn, so that rare ones are seen beside common ones."""
    turns = max((len(group) for group in groups), default=0)
    return [group[turn] for turn in range(turns) for group in groups if turn < len(group)][:size]
