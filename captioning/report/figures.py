"""The report's plots, as Plotly figures in plain JSON: text and grid take the page's colours there."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from captioning.clip_tokens import CONTEXT
from captioning.report.content import SCORE_STEP, Report, Scores, Step, TextSet
from captioning.report.headline import reason_sentence

Figure = dict[str, Any]

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's colours, which colour-blind people tell apart; a source has the same one in every plot."""
OLD = "#8C929B"
"""Of what came with the images."""
BINS = 40
TAIL = 0.995
"""Share of the texts that a length plot shows apart; the longest join its last bin."""
REASONS = 12
ROW = 34
FACET = 130
FRAME = 90
"""Pixels: of a bar, of one source's lengths, and of what stands around a plot."""


def figures(report: Report) -> dict[str, Figure]:
    """Every plot that the report has values for, by name."""
    colours = _colours([*(texts.source for texts in report.texts), *(step.source for step in report.steps)])
    drawn = {
        "lengths-words": _lengths(report.texts, colours, "words") if report.texts else None,
        "lengths-tokens": _lengths(report.texts, colours, "tokens") if report.texts else None,
        "funnel": _funnel(report.steps, colours) if report.steps else None,
        "scores": _scores(report.scores, colours) if report.scores else None,
        "reasons": _reasons(report, colours) if report.drops() else None,
    }
    return {name: figure for name, figure in drawn.items() if figure}


def _colours(sources: Iterable[str]) -> dict[str, str]:
    return {source: PALETTE[index % len(PALETTE)] for index, source in enumerate(dict.fromkeys(sources))}


def _lengths(texts: Sequence[TextSet], colours: dict[str, str], measure: str) -> Figure:
    """One row a source, all on the same axis: its captions over its alt-texts, as shares of the texts."""
    sources = list(dict.fromkeys(row.source for row in texts))
    counts = [Counter(row.words if measure == "words" else row.tokens) for row in texts]
    longest = max((_quantile(count, TAIL) for count in counts), default=0)
    if measure == "tokens":
        longest = max(longest, CONTEXT + 3)  # the limit is worth seeing where nothing reaches it too
    width = max(1, math.ceil(longest / BINS))
    data, seen = [], Counter[str]()
    for row, count in zip(texts, counts, strict=True):
        facet = sources.index(row.source)
        shades = (colours[row.source], *(c for c in PALETTE if c != colours[row.source]))
        colour = shades[seen[row.source] % len(shades)] if row.is_caption else OLD
        seen[row.source] += row.is_caption
        data.append(_outline(row.name, count, width, longest, colour) | {"yaxis": _axis("y", facet)})
    layout: Figure = {
        "height": FRAME + FACET * len(sources),
        "grid": {"rows": len(sources), "columns": 1, "subplots": [[f"x{_axis('y', i)}"] for i in range(len(sources))]},
        "xaxis": {"title": {"text": "words" if measure == "words" else "CLIP tokens"}, "rangemode": "tozero"},
        "hovermode": "x",
        "showlegend": False,
        "annotations": [_facet_title(index, texts, data, source) for index, source in enumerate(sources)],
    }
    for facet in range(len(sources)):
        layout[_axis("yaxis", facet)] = {"tickformat": ".0%", "rangemode": "tozero", "nticks": 4, "fixedrange": True}
    if measure == "tokens":
        mark = _threshold(CONTEXT, f"{CONTEXT}")
        layout |= {"shapes": mark["shapes"], "annotations": layout["annotations"] + mark["annotations"]}
    return {"data": data, "layout": layout}


def _facet_title(index: int, texts: Sequence[TextSet], data: Sequence[Figure], source: str) -> Figure:
    """The names of a source's sets in their own colours, over its row: a legend where the eye is."""
    names = (
        f'<span style="color:{trace["line"]["color"]}">\u25a0 {_plain(row.name)}</span>'
        for row, trace in zip(texts, data, strict=True)
        if row.source == source
    )
    place = {"x": 0, "xref": "paper", "y": 1, "yref": f"{_axis('y', index)} domain"}
    return {**place, "text": "  ".join(names), "showarrow": False, "xanchor": "left", "yanchor": "bottom"}


def _plain(name: str) -> str:
    """A name with nothing in it that Plotly would read as markup."""
    return name.replace("&", "&amp;").replace("<", "&lt;")


def _outline(name: str, counts: Counter[int], width: int, longest: int, colour: str) -> Figure:
    """A histogram as a filled outline: shares of the texts in bins of `width`, the last of them open."""
    bins, total, last = Counter[int](), counts.total() or 1, longest // width
    for length, count in counts.items():
        bins[min(length // width, last)] += count
    edges = range(last + 2)  # one more, empty, to close the outline
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [edge * width + (width - 1) / 2 for edge in edges],
        "y": [round(bins[edge] / total, 5) for edge in edges],
        "line": {"shape": "hvh", "color": colour, "width": 1.5},
        "fill": "tozeroy",
        "fillcolor": f"{colour}44",
        "hovertemplate": "%{x}: %{y:.1%}<extra>%{fullData.name}</extra>",
    }


def _quantile(counts: Counter[int], share: float) -> int:
    """The smallest length that so large a share of the texts does not exceed."""
    left = share * counts.total()
    for length in sorted(counts):
        left -= counts[length]
        if left <= 0:
            return length
    return 0


def _funnel(steps: Sequence[Step], colours: dict[str, str]) -> Figure:
    """Rows that got through each step, sources side by side in one bar."""
    names = sorted(dict.fromkeys(step.name for step in steps), key=lambda name: name == "merged")
    bars = [
        _bar(source, names, [_kept(steps, source, name) for name in names], colours[source])
        for source in dict.fromkeys(step.source for step in steps)
    ]
    return _bars(bars, len(names), "rows that got through")


def _kept(steps: Sequence[Step], source: str, name: str) -> int:
    return sum(step.kept for step in steps if step.source == source and step.name == name)


def _reasons(report: Report, colours: dict[str, str]) -> Figure:
    """The commonest reasons for drops, sources side by side in one bar; the sentence is shown on hovering."""
    shown = list(report.drops())[:REASONS]
    counts: dict[str, Counter[str]] = {step.source: Counter() for step in report.steps}
    for step in report.steps:
        counts[step.source].update(step.rejects)
    sentences = [reason_sentence(reason) for reason in shown]
    bars = [
        _bar(source, shown, [counts[source][reason] for reason in shown], colours[source])
        | {"customdata": sentences, "hovertemplate": "%{x:,} rows<br>%{customdata}<extra>%{fullData.name}</extra>"}
        for source in counts
    ]
    return _bars(bars, len(shown), "rows dropped")


def _bar(name: str, labels: Sequence[str], values: Sequence[int], colour: str) -> Figure:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": list(labels),
        "x": list(values),
        "marker": {"color": colour},
        "hovertemplate": "%{x:,} rows<extra>%{fullData.name}</extra>",
    }


def _bars(bars: list[Figure], rows: int, title: str) -> Figure:
    return {
        "data": bars,
        "layout": {
            "barmode": "stack",
            "height": FRAME + ROW * rows,
            "xaxis": {"title": {"text": title}, "rangemode": "tozero"},
            "yaxis": {"autorange": "reversed", "automargin": True, "fixedrange": True},
        },
    }


def _scores(scores: Sequence[Scores], colours: dict[str, str]) -> Figure:
    """Images by score, and over it the share that any threshold would keep."""
    used = [index for one in scores for index, count in enumerate(one.counts) if count]
    first, end = (min(used), max(used) + 1) if used else (0, len(scores[0].counts))
    data: list[Figure] = [
        {
            "type": "bar",
            "name": one.source,
            "x": [(index + 0.5) * SCORE_STEP for index in range(first, end)],
            "y": list(one.counts[first:end]),
            "width": SCORE_STEP,
            "marker": {"color": colours.get(one.source, OLD)},
            "hovertemplate": "score about %{x:.2f}: %{y:,} images<extra>%{fullData.name}</extra>",
        }
        for one in scores
    ]
    together = Scores(source="", counts=[sum(column) for column in zip(*(one.counts for one in scores), strict=True)])
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "share over it",
            "x": [index * SCORE_STEP for index in range(first, end + 1)],
            "y": [round(share, 4) for share in [*together.share_over(), 0.0][first : end + 1]],
            "yaxis": "y2",
            "line": {"color": OLD, "width": 2.5},
            "hovertemplate": "a threshold of %{x} keeps %{y:.1%}<extra></extra>",
        }
    )
    layout: Figure = {
        "barmode": "stack",
        "bargap": 0,
        "height": 380,
        "xaxis": {"title": {"text": "aesthetic score"}},
        "yaxis": {"title": {"text": "images"}, "rangemode": "tozero", "fixedrange": True},
        "yaxis2": {"overlaying": "y", "side": "right", "tickformat": ".0%", "range": [0, 1.03], "showgrid": False}
        | {"title": {"text": "kept at this threshold"}, "tickvals": [0, 0.25, 0.5, 0.75, 1], "fixedrange": True},
    }
    thresholds = sorted({one.threshold for one in scores if one.threshold is not None})
    marks = [_threshold(threshold, f"kept: over {threshold:g}") for threshold in thresholds]
    layout |= {name: [part for mark in marks for part in mark[name]] for name in ("shapes", "annotations")}
    return {"data": data, "layout": layout}


def _threshold(place: float, label: str) -> Figure:
    """A dashed line with its label to the right of its top."""
    ends = {"x0": place, "x1": place, "y0": 0, "y1": 1, "xref": "x", "yref": "paper"}
    return {
        "shapes": [{"type": "line", **ends, "line": {"dash": "dash", "width": 1.5, "color": OLD}}],
        "annotations": [
            {"x": place, "y": 1, "xref": "x", "yref": "paper", "text": label, "showarrow": False}
            | {"xanchor": "left", "yanchor": "top"}
        ],
    }


def _axis(name: str, index: int) -> str:
    """Plotly's name of the axis: the first has no number."""
    return name if index == 0 else f"{name}{index + 1}"
