"""Captions for sources that bring their own: a column of their metadata, taken as it is."""

import time
from dataclasses import dataclass, field

import pyarrow as pa

from captioning.rows import CaptionRow, check_name, kept_samples, write_captions
from captioning.sentences import one_line
from curation import storage
from curation.dataset import Dataset, Shard
from curation.reasons import Reason
from curation.stage import Resources, ShardResult, ShardStage

FINISH_REASON = "kept"
"""Stands where a generated caption has "stop" or "length"."""


@dataclass(kw_only=True)
class KeepCaptions(ShardStage):
    """Take the source's own captions for the images that selection kept.

    Args:
        name: folder below `captions/`.
        column: the column of `urls/` that holds the captions.
        resources: what one worker takes, and how many there are.
    """

    name: str
    column: str = "caption"
    resources: Resources = field(default_factory=Resources, metadata={"execution": True})

    @property
    def folder(self) -> str:
        """`captions/<name>`."""
        return f"captions/{self.name}"

    def output(self, dataset: Dataset, shard: Shard) -> str:
        """The captions table."""
        return dataset.captions(self.name, shard)

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the settings cannot work, or the source has no such column of text."""
        check_name(self.name)
        for shard in dataset.shards()[:1]:
            self._captions(dataset, shard)

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Look up one shard's captions; an image without one has a reason."""
        started = time.perf_counter()
        captions = self._captions(dataset, shard)
        rows = [
            _row(key, sample_id, captions.get(sample_id)) for key, sample_id in kept_samples(dataset, shard).items()
        ]
        return write_captions(self.output(dataset, shard), rows, seconds=time.perf_counter() - started)

    def _captions(self, dataset: Dataset, shard: Shard) -> dict[str, str | None]:
        path = dataset.urls(shard)
        table = storage.read_table(path, columns=["sample_id", self.column])
        kind = table.schema.field(self.column).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
            raise ValueError(f"{path}: column {self.column} holds {kind}; expected text")
        return dict(zip(table["sample_id"].to_pylist(), table[self.column].to_pylist(), strict=True))


def _row(key: str, sample_id: str, raw: str | None) -> CaptionRow:
    caption = one_line(raw)
    if caption is None:
        return CaptionRow(key=key, sample_id=sample_id, raw_caption=raw, flags=(Reason.NO_CAPTION,))
    return CaptionRow(key=key, sample_id=sample_id, caption=caption, raw_caption=raw, finish_reason=FINISH_REASON)
