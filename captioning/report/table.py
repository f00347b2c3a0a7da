"""The report's tables, for Markdown and the page: the ELLA paper's and more, old texts beside new, repeats."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from captioning.clip_tokens import CONTEXT
from captioning.encoder_tokens import ELLA_TOKENS, short_name
from captioning.report.content import TextSet
from captioning.report.headline import percent
from captioning.statistics import CaptionStatistics, Overlap

COLUMNS = {
    "words": "words",
    "NN": "nouns",
    "JJ/RB": "adjectives_adverbs",
    "IN": "prepositions",
    "tokens": "clip_tokens",
}
"""The paper's columns, and the fields of `CaptionStatistics` that are in them."""
MISSING = "missing"
"""Stands where parts of speech, or a text encoder's tokens, could not be counted."""
_OVERLAP = (
    "captions of",
    "pairs",
    "words before",
    "words now",
    "of these before too",
    "names before",
    "names lost",
    "share lost",
)
_NORMAL = 1.96
"""Standard errors to either side that hold 95 % of a normal distribution."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table.

    Args:
        caption: what a reader has to know of it.
        header: names of the columns.
        rows: cells; an average has ` ± ` between it and its standard error.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def averages(statistics: CaptionStatistics) -> list[tuple[float | None, float | None]]:
    """The values of `COLUMNS`, each with its standard error."""
    return [(getattr(statistics, field), getattr(statistics.standard_errors, field)) for field in COLUMNS.values()]


def texts_table(texts: Sequence[TextSet]) -> Table:
    """The columns of the paper's tables 1 and 2, with two decimals as there, and how many texts would be cut."""
    encoders = list(dict.fromkeys(row.text_encoder for row in texts if row.text_encoder))
    encoder = short_name(encoders[0]) if len(encoders) == 1 else "text encoder"
    header = ["texts of", "texts", *COLUMNS, "distinct nouns", f"over {CONTEXT}"]
    if encoders:
        header += [f"{encoder} tokens", f"{encoder} over {CONTEXT}", f"{encoder} over {ELLA_TOKENS}"]
    return Table(
        caption=f"Averages a text, with standard errors; over {CONTEXT} is the share of the texts with more tokens.",
        header=header,
        rows=[[*_counted(row), *(_encoded(row.statistics) if encoders else [])] for row in texts],
    )


def overlap_table(texts: Sequence[TextSet]) -> Table | None:
    """New captions beside the alt-texts that they replace; None where nothing is replaced."""
    before = {row.source: row.statistics for row in texts if not row.is_caption}
    rows = [
        [
            row.name,
            f"{row.overlap.pairs:,}",
            _length(before.get(row.source)),
            _length(row.statistics),
            _share(row.overlap.words_kept, row.overlap.words_kept_error),
            *_names(row.overlap),
        ]
        for row in texts
        if row.overlap
    ]
    if not rows:
        return None
    titles = sum(row.overlap.titles for row in texts if row.overlap)
    return Table(
        caption="Names are proper nouns by NLTK's tags of the alt-text as it is written. Where all words have capitals "
        f"these tell nothing: {titles:,} such alt-texts are left out.",
        header=_OVERLAP,
        rows=rows,
    )


def repeats_table(texts: Sequence[TextSet]) -> Table:
    """How many texts repeat another."""
    sampled = any(row.statistics.duplicates.sampled for row in texts)
    return Table(
        caption="The share of the texts that would go if of all that are the same, or nearly, one were kept. Case and "
        "punctuation do not count; nearly the same are seven tenths of the runs of three words."
        + (" A sample may miss a template that thousands of texts follow, and its error does not show that." * sampled),
        header=["texts of", "compared", "the same", "nearly the same"],
        rows=[
            [
                row.name,
                f"{repeats.compared:,}{' (a sample)' if repeats.sampled else ''}",
                _share(repeats.exact, repeats.exact_error if repeats.sampled else None),
                _share(repeats.near, repeats.near_error if repeats.sampled else None),
            ]
            for row in texts
            for repeats in [row.statistics.duplicates]
        ],
    )


def intervals(texts: TextSet) -> str:
    """The 95 % intervals of the averages, in one line."""
    found = dict(zip(COLUMNS, averages(texts.statistics), strict=True))
    if texts.text_encoder:
        statistics = texts.statistics
        name = f"{short_name(texts.text_encoder)} tokens"
        found[name] = statistics.encoder_tokens, statistics.standard_errors.encoder_tokens
    parts = [
        f"{column} {value - _NORMAL * error:.2f} to {value + _NORMAL * error:.2f}"
        for column, (value, error) in found.items()
        if value is not None and error is not None
    ]
    return f"{texts.name}: {', '.join(parts) or 'too few texts for intervals'}"


def markdown(texts: Sequence[TextSet]) -> str:
    """All tables as Markdown, the paper's first."""
    tables = [texts_table(texts), overlap_table(texts), repeats_table(texts)]
    first, *more = (table for table in tables if table)
    blocks = [markdown_table(first.header, first.rows)]
    blocks += [f"{table.caption}\n\n{markdown_table(table.header, table.rows)}" for table in more]
    return "\n\n".join(blocks)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Any table as Markdown; a bar or line break in a cell does not end it."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        f"| {' | '.join(' '.join(cell.split()).replace('|', '&#124;') for cell in line)} |" for line in lines
    )


def _counted(texts: TextSet) -> list[str]:
    statistics = texts.statistics
    nouns, error = statistics.distinct_nouns, statistics.distinct_nouns_relative_error
    return [
        texts.name,
        f"{statistics.texts:,}",
        *(_average(*pair) for pair in averages(statistics)),
        MISSING if nouns is None else f"{nouns:,}{f' ± {nouns * error:,.0f}' if error else ''}",
        percent(statistics.cut_by_clip),
    ]


def _encoded(statistics: CaptionStatistics) -> list[str]:
    shares = (statistics.encoder_over_77, statistics.encoder_over_128)
    return [_average(statistics.encoder_tokens, statistics.standard_errors.encoder_tokens), *map(_share, shares)]


def _length(statistics: CaptionStatistics | None) -> str:
    return MISSING if statistics is None else _average(statistics.words, statistics.standard_errors.words)


def _names(overlap: Overlap) -> list[str]:
    if overlap.names is None or overlap.names_lost is None:
        return [MISSING] * 3
    share = _share(overlap.share_lost, overlap.share_lost_error) if overlap.names else "none there"
    return [f"{overlap.names:,}", f"{overlap.names_lost:,}", share]


def _average(value: float | None, error: float | None) -> str:
    if value is None:
        return MISSING
    return f"{value:.2f}" if error is None else f"{value:.2f} ± {error:.2f}"


def _share(value: float | None, error: float | None = None) -> str:
    if value is None:
        return MISSING
    return percent(value) if error is None else f"{percent(value)} ± {100 * error:.1f}"
