"""Select: which images go on, decided from their scores alone, with a reason for each that does not."""

import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TypeGuard

import pyarrow as pa

from curation import storage
from curation.dataset import Dataset, Shard
from curation.reasons import Reason
from curation.schemas import SCORES, SELECTION
from curation.stage import Resources, ShardResult, ShardStage


@dataclass(kw_only=True)
class Select(ShardStage):
    """Writes `selection/`: whether each scored image is kept.

    The defaults are the rule of the ELLA paper: an aesthetic score over 6 and a short edge of at least 512 pixels.

    Args:
        min_aesthetic: an image is kept when its score is over this; a score equal to it is not.
        min_short_edge: an image is kept when the short edge of the original has at least so many pixels.
        resources: what a worker takes.
    """

    min_aesthetic: float = 6.0
    min_short_edge: int = 512
    resources: Resources = field(default_factory=Resources, metadata={"execution": True})

    @property
    def folder(self) -> str:
        """`selection`."""
        return "selection"

    def output(self, dataset: Dataset, shard: Shard) -> str:
        """The Parquet."""
        return dataset.selection(shard)

    def reason_to_drop(self, aesthetic: object, short_edge: object) -> Reason | None:
        """The first that applies, or None for an image to keep: `no_score`, then `short_edge`, then `aesthetic`.

        In this order, no count mixes what could not be judged with what was judged, and `aesthetic` counts the images
        that a lower threshold would bring back. What is not a finite number is no score.
        """
        if not _is_number(aesthetic) or not _is_number(short_edge):
            return Reason.NO_SCORE
        if short_edge < self.min_short_edge:
            return Reason.SHORT_EDGE
        return None if aesthetic > self.min_aesthetic else Reason.AESTHETIC

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Decide over every image of the shard's scores."""
        started = time.monotonic()
        scores = storage.read_table(dataset.scores(shard), SCORES.names).sort_by("key")
        pairs = zip(scores["aesthetic"].to_pylist(), scores["short_edge"].to_pylist(), strict=True)
        reasons = [self.reason_to_drop(aesthetic, short_edge) for aesthetic, short_edge in pairs]
        kept = [reason is None for reason in reasons]
        columns = [scores["key"], scores["sample_id"], pa.array(kept, pa.bool_()), pa.array(reasons, pa.string())]
        storage.write_table(dataset.selection(shard), pa.table(columns, names=SELECTION.names).cast(SELECTION))
        rejects = Counter(reason.value for reason in reasons if reason is not None)
        seconds = time.monotonic() - started
        return ShardResult(rows=len(reasons), kept=sum(kept), rejects=rejects, seconds=seconds)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
