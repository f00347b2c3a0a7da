"""How long texts are: a row for each source, its captions over its alt-texts, as shares of the texts."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from captioning.clip_tokens import CONTEXT
from captioning.encoder_tokens import ELLA_TOKENS
from captioning.report.content import TextSet
from captioning.report.drawing import FRAME, OLD, PALETTE, Figure, axis, mark, plain

BINS = 40
TAIL = 0.995
"""Share of the texts that a plot shows apart; the longest join its last bin."""
FACET = 130
"""Pixels of one source."""

_LIMITS = {"words": (), "tokens": (CONTEXT,), "encoder_tokens": (CONTEXT, ELLA_TOKENS)}
"""Of each measure, a field of `TextSet`, the numbers beyond which somebody cuts."""
_TITLES = {"words": "words", "tokens": "CLIP tokens", "encoder_tokens": "tokens"}


def lengths(texts: Sequence[TextSet], colours: Mapping[str, str], measure: str) -> Figure | None:
    """The plot of `words`, `tokens` or `encoder_tokens`; None where no text was measured so."""
    texts = [row for row in texts if getattr(row, measure)]
    if not texts:
        return None
    sources = list(dict.fromkeys(row.source for row in texts))
    counts = [Counter(getattr(row, measure)) for row in texts]
    limits = _LIMITS[measure]
    # The limits are worth seeing where nothing reaches them too.
    longest = max([_quantile(count, TAIL) for count in counts] + [limit + 3 for limit in limits])
    width = max(1, math.ceil(longest / BINS))
    data, seen = [], Counter[str]()
    for row, count in zip(texts, counts, strict=True):
        shades = (colours[row.source], *(c for c in PALETTE if c != colours[row.source]))
        colour = shades[seen[row.source] % len(shades)] if row.is_caption else OLD
        seen[row.source] += row.is_caption
        outline = _outline(row.name, count, width, longest, colour)
        data.append(outline | {"yaxis": axis("y", sources.index(row.source))})
    marks = mark([(limit, str(limit)) for limit in limits])
    titles = [_facet_title(index, texts, data, source) for index, source in enumerate(sources)]
    layout: Figure = {
        "height": FRAME + FACET * len(sources),
        "grid": {"rows": len(sources), "columns": 1, "subplots": [[f"x{axis('y', i)}"] for i in range(len(sources))]},
        "xaxis": {"title": {"text": _TITLES[measure]}, "rangemode": "tozero"},
        "hovermode": "x",
        "showlegend": False,
        "shapes": marks["shapes"],
        "annotations": titles + marks["annotations"],
    }
    for facet in range(len(sources)):
        layout[axis("yaxis", facet)] = {"tickformat": ".0%", "rangemode": "tozero", "nticks": 4, "fixedrange": True}
    return {"data": data, "layout": layout}


def _facet_title(index: int, texts: Sequence[TextSet], data: Sequence[Figure], source: str) -> Figure:
    """The names of a source's sets in their own colours, over its row: a legend where the eye is."""
    names = (
        f'<span style="color:{trace["line"]["color"]}">\u25a0 {plain(row.name)}</span>'
        for row, trace in zip(texts, data, strict=True)
        if row.source == source
    )
    place = {"x": 0, "xref": "paper", "y": 1, "yref": f"{axis('y', index)} domain"}
    return {**place, "text": "  ".join(names), "showarrow": False, "xanchor": "left", "yanchor": "bottom"}


def _outline(name: str, counts: Counter[int], width: int, longest: int, colour: str) -> Figure:
    """A histogram as a filled outline: shares of the texts in bins of `width`, the last of them open."""
    bins, total, last = Counter[int](), counts.total() or 1, longest // width
    for length, count in counts.items():
        bins[min(length // width, last)] += count
    edges = range(last + 2)  # one more, empty, to close the outline
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(name),
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
