"""How the vocabulary grows: different words, or nouns, against the texts read, on logarithmic axes."""

from collections.abc import Mapping, Sequence

from captioning.report.content import TextSet
from captioning.report.drawing import FRAME, Figure, plain
from captioning.statistics.vocabulary import VocabularyPoint

HEIGHT = 270
FEWEST = 8
"""Texts in a point: what fewer have says nothing yet."""


def growth(texts: Sequence[TextSet], colours: Mapping[str, str], of: str) -> Figure | None:
    """The plot of `words` or `nouns`; None where there are too few texts for a curve."""
    curves = [(row, _points(row, of)) for row in texts]
    data = [_curve(row, points, colours[row.source]) for row, points in curves if len(points) > 1]
    if not data:
        return None
    return {
        "data": data,
        "layout": {
            "height": FRAME + HEIGHT,
            "xaxis": _axis([x for curve in data for x in curve["x"]], "texts read"),
            "yaxis": _axis([y for curve in data for y in curve["y"]], f"different {of}") | {"fixedrange": True},
        },
    }


def _axis(values: Sequence[int], title: str) -> Figure:
    """A logarithmic axis with round numbers written out: 1, 2 and 5 of each power of ten, or these alone where many."""
    low, high = min(values), max(values)
    steps = (1, 2, 5) if high < 200 * low else (1,)
    ticks = [step * 10**power for power in range(len(str(high)) + 1) for step in steps]
    shown = [tick for tick in ticks if low / 2 <= tick <= high * 2]
    named = {"tickmode": "array", "tickvals": shown, "ticktext": [f"{tick:,}" for tick in shown]}
    return {"type": "log", **named, "title": {"text": title}}


def _points(texts: TextSet, of: str) -> list[VocabularyPoint]:
    points = texts.statistics.vocabulary_growth if of == "words" else texts.statistics.noun_growth
    return [point for point in points if point.texts >= FEWEST and point.distinct]


def _curve(texts: TextSet, points: Sequence[VocabularyPoint], colour: str) -> Figure:
    """Captions are drawn through, the alt-texts of the same source dotted."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": plain(texts.name),
        "x": [point.texts for point in points],
        "y": [point.distinct for point in points],
        "line": {"color": colour, "width": 2, "dash": "solid" if texts.is_caption else "dot"},
        "marker": {"size": 4},
        "hovertemplate": "%{y:,} in %{x:,} texts<extra>%{fullData.name}</extra>",
    }
