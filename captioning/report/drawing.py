"""What the report's plots have in common: colours, bars and marks, as Plotly figures in plain JSON."""

from collections.abc import Iterable, Sequence
from typing import Any

Figure = dict[str, Any]

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's colours, which colour-blind people tell apart; a source has the same one in every plot."""
OLD = "#8C929B"
"""Of what came with the images."""
ROW = 34
FRAME = 90
"""Pixels: of a bar, and of what stands around a plot."""


def colours_of(sources: Iterable[str]) -> dict[str, str]:
    """A colour for each source."""
    return {source: PALETTE[index % len(PALETTE)] for index, source in enumerate(dict.fromkeys(sources))}


def plain(name: str) -> str:
    """A name with nothing in it that Plotly would read as markup."""
    return name.replace("&", "&amp;").replace("<", "&lt;")


def bar(name: str, labels: Sequence[str], values: Sequence[int], colour: str, unit: str = "rows") -> Figure:
    """One source's bars, from top to bottom."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": plain(name),
        "y": list(labels),
        "x": list(values),
        "marker": {"color": colour},
        "hovertemplate": f"%{{x:,}} {unit}<extra>%{{fullData.name}}</extra>",
    }


def bars(traces: list[Figure], rows: int, title: str) -> Figure:
    """Sources side by side in each of `rows` bars."""
    return {
        "data": traces,
        "layout": {
            "barmode": "stack",
            "height": FRAME + ROW * rows,
            "xaxis": {"title": {"text": title}, "rangemode": "tozero"},
            "yaxis": {"autorange": "reversed", "automargin": True, "fixedrange": True},
        },
    }


def mark(places: Sequence[tuple[float, str]]) -> Figure:
    """Dashed lines across a plot, each with its label to the right of its top."""
    return {
        "shapes": [
            {"type": "line", "x0": place, "x1": place, "y0": 0, "y1": 1, "xref": "x", "yref": "paper"}
            | {"line": {"dash": "dash", "width": 1.5, "color": OLD}}
            for place, _ in places
        ],
        "annotations": [
            {"x": place, "y": 1, "xref": "x", "yref": "paper", "text": label, "showarrow": False}
            | {"xanchor": "left", "yanchor": "top"}
            for place, label in places
        ],
    }


def axis(name: str, index: int) -> str:
    """Plotly's name of an axis: the first has no number."""
    return name if index == 0 else f"{name}{index + 1}"
