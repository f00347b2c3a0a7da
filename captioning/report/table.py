"""Table 1 of the ELLA paper for any texts: as Markdown, and as the cells that the page shows."""

from collections.abc import Iterable, Sequence

from captioning.report.content import TextSet
from captioning.statistics import CaptionStatistics

COLUMNS = {
    "words": "words",
    "NN": "nouns",
    "JJ/RB": "adjectives_adverbs",
    "IN": "prepositions",
    "tokens": "clip_tokens",
}
"""The paper's columns, and the fields of `CaptionStatistics` that are in them."""
MISSING = "missing"
"""Stands where parts of speech could not be counted."""
_NORMAL = 1.96
"""Standard errors to either side that hold 95 % of a normal distribution."""


def averages(statistics: CaptionStatistics) -> list[tuple[float | None, float | None]]:
    """The values of `COLUMNS`, each with its standard error."""
    return [(getattr(statistics, field), getattr(statistics.standard_errors, field)) for field in COLUMNS.values()]


def cells(texts: TextSet) -> list[str]:
    """One row: the name, how many texts, and the averages with two decimals, as in the paper, and standard errors."""
    return [texts.name, f"{texts.statistics.texts:,}", *(_average(*pair) for pair in averages(texts.statistics))]


def intervals(texts: TextSet) -> str:
    """The 95 % intervals of the averages, in one line."""
    parts = [
        f"{column} {value - _NORMAL * error:.2f} to {value + _NORMAL * error:.2f}"
        for column, (value, error) in zip(COLUMNS, averages(texts.statistics), strict=True)
        if value is not None and error is not None
    ]
    return f"{texts.name}: {', '.join(parts) or 'too few texts for intervals'}"


def _average(value: float | None, error: float | None) -> str:
    if value is None:
        return MISSING
    return f"{value:.2f}" if error is None else f"{value:.2f} ± {error:.2f}"


def markdown(texts: Iterable[TextSet]) -> str:
    """The table as Markdown."""
    return markdown_table(["texts of", "texts", *COLUMNS], [cells(row) for row in texts])


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Any table as Markdown; a bar or line break in a cell does not end it."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        f"| {' | '.join(' '.join(cell.split()).replace('|', '&#124;') for cell in line)} |" for line in lines
    )
