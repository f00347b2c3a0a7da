"""Texts measured for the report: all of them, or those whose sample_id comes first."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import pyarrow as pa

from captioning.report.content import TextSet
from captioning.statistics import AltTextOverlap, CaptionPartials
from curation.dataset import Shard

READERS = 16
"""Threads that read tables: the work is waiting for storage."""
ALT_TEXT = "alt-text"
TEXTS = ("sample_id", "source", "captioner", "caption", "alt_text")
"""Columns of a table of texts."""
_BATCH = 10_000

Group = tuple[str, str, bool]
"""Source, name of the captions, and whether these are the captions rather than the alt-texts."""


@dataclass(kw_only=True)
class Measured:
    """The counts over some texts.

    Captions have their overlap with the alt-texts that they replace besides; of other texts it is empty.
    """

    partials: CaptionPartials = field(default_factory=CaptionPartials)
    overlap: AltTextOverlap = field(default_factory=AltTextOverlap)

    def add(self, texts: Iterable[str], text_encoder: str = "") -> "Measured":
        """Measure `texts` too, which is read once, a part of it at a time."""
        rest = iter(texts)
        while batch := list(islice(rest, _BATCH)):
            self.partials.merge(CaptionPartials.of(batch, text_encoder))
        return self

    def text_set(self, group: Group, *, drawn: int | None = None) -> TextSet:
        """The row of the table; `drawn` is the size of the draw, or None for all texts."""
        source, captions, is_caption = group
        overlap = self.overlap.overlap()
        return TextSet(
            name=f"{source} {captions if is_caption else ALT_TEXT}".strip(),
            source=source,
            is_caption=is_caption,
            statistics=self.partials.statistics(),
            words=self.partials.words.counts,
            tokens=self.partials.clip_tokens.counts,
            text_encoder=self.partials.text_encoder,
            encoder_tokens=self.partials.encoder_tokens.counts,
            overlap=overlap if overlap.pairs else None,
            drawn=drawn,
        )


def measure(tables: Iterable[pa.Table], text_encoder: str = "") -> dict[Group, Measured]:
    """What is in the tables of texts, by group; an image without alt-text counts for the captions alone.

    Raises:
        ValueError: `text_encoder` is named and has no tokenizer.
    """
    measured: dict[Group, Measured] = {}
    for table in tables:
        pairs: dict[tuple[str, str], list[tuple[str | None, str | None]]] = {}
        for row in table.to_pylist():
            pairs.setdefault((row["source"], row["captioner"]), []).append((row["caption"], row["alt_text"]))
        for (source, captions), rows in pairs.items():
            old = measured.setdefault((source, captions, False), Measured())
            old.add((alt_text for _, alt_text in rows if alt_text), text_encoder)
            new = measured.setdefault((source, captions, True), Measured())
            new.add((caption for caption, _ in rows if caption), text_encoder)
            both = ((caption, alt_text) for caption, alt_text in rows if caption and alt_text)
            new.overlap.merge(AltTextOverlap.of(both))
    return dict(sorted(measured.items()))


def draw(read: Callable[[Shard], pa.Table], shards: Sequence[Shard], size: int) -> pa.Table:
    """The `size` rows whose sample_ids come first: a sample_id is a hash, so that is a draw, the same every time.

    Args:
        read: gives a shard's table of texts.
        shards: at least one.
        size: of the draw.
    """
    drawn: list[pa.Table] = []
    with ThreadPoolExecutor(READERS) as pool:
        for start in range(0, len(shards), READERS):
            tables = pool.map(read, shards[start : start + READERS])
            drawn = [pa.concat_tables([*drawn, *tables]).sort_by("sample_id").slice(0, size)]
    return drawn[0]
