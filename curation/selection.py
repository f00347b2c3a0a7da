"""Select: which images go on, decided from their scores and metadata, with a reason for each that does not.

Thresholds are a matter of one image. Which of several images that are the same is taken is a matter of all shards:
where that is asked for, `Candidates` first writes what passes the thresholds, shard by shard; then one decision is made
over all of it; then `Select` writes what came of both.
"""

import math
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

import pyarrow as pa
import pyarrow.compute as pc

from curation import storage
from curation.bounds import Bound, check_bounds, read_columns
from curation.dataset import SELECTION as MAIN
from curation.dataset import Dataset, Shard, candidate_folder, selection_folder
from curation.decisions import CANDIDATES, decide, left_out
from curation.duplicates import Duplicates, first_word
from curation.reasons import Reason
from curation.schemas import SELECTION
from curation.stage import Resources, ShardResult, ShardStage

_NEEDED = ["key", "sample_id", "aesthetic", "short_edge"]


@dataclass(kw_only=True)
class Select(ShardStage):
    """Writes `selection/`: whether each scored image is kept.

    The defaults are the rule of the ELLA paper: an aesthetic score over 6 and a short edge of at least 512 pixels.
    A second one with a name of its own writes `selection/<name>/` and decides nothing: `ella status DIR --compare
    selection NAME` says what its thresholds would cost.

    Args:
        name: of the selection; captions follow the one called `selection`.
        min_aesthetic: an image is kept when its score is over this; a score equal to it is not.
        min_short_edge: an image is kept when the short edge of the original has at least so many pixels.
        bounds: on further columns of the score file, or on the source's own (`punsafe`, `pwatermark`, `nsfw`).
        duplicates: which images of the branch that come more than once are taken, of those that pass all the above.
            All shards are scored before the first goes on. null leaves it to the merge, which looks for duplicates in
            any case, and to which images are captioned until then.
        resources: what a worker takes.

    Raises:
        ValueError: the name is none for a folder.
    """

    name: str = MAIN
    min_aesthetic: float = 6.0
    min_short_edge: int = 512
    bounds: list[Bound] = field(default_factory=list)
    duplicates: Duplicates | None = None
    resources: Resources = field(default_factory=Resources, metadata={"execution": True})

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z][\w-]*", self.name):
            raise ValueError(f"selection name {self.name!r}: expected a letter, then letters, digits, - and _")

    @property
    def folder(self) -> str:
        """`selection`, or `selection/<name>` for another name."""
        return selection_folder(self.name)

    def output(self, dataset: Dataset, shard: Shard) -> str:
        """The Parquet."""
        return dataset.selection(shard, self.name)

    def check(self, dataset: Dataset) -> None:
        """Look for the bounds' columns in the first shard, where there is one.

        Raises:
            ValueError: a column is missing, or is text where numbers are asked for.
        """
        for shard in dataset.shards()[:1]:
            check_bounds(self.bounds, dataset, shard)

    def reason_to_drop(self, row: Mapping[str, object]) -> str | None:
        """The first that applies to an image's columns, or None for one to keep.

        First `no_score`, then `short_edge`, then `aesthetic`, then the bounds in their order: so no count mixes what
        could not be judged with what was judged, and each counts what moving it alone would bring back at most. What
        is not a finite number is no score.
        """
        aesthetic, short_edge = row["aesthetic"], row["short_edge"]
        if not _is_number(aesthetic) or not _is_number(short_edge):
            return Reason.NO_SCORE.value
        if short_edge < self.min_short_edge:
            return Reason.SHORT_EDGE.value
        if aesthetic <= self.min_aesthetic:
            return Reason.AESTHETIC.value
        return next(filter(None, (bound.reason_to_drop(row[bound.column]) for bound in self.bounds)), None)

    def gathering(self) -> ShardStage | None:
        """What writes the candidates, where duplicates are dropped."""
        return Candidates(select=self, resources=self.resources) if self.duplicates else None

    def gather(self, dataset: Dataset, shards: Sequence[Shard]) -> None:
        """Decide over the duplicates among all candidates."""
        if self.duplicates:
            decide(dataset, shards, self.duplicates, self.name)

    def judge(self, dataset: Dataset, shard: Shard) -> tuple[pa.Table, list[str | None]]:
        """The shard's scores by key, and why the thresholds drop each image; None for one that passes.

        Raises:
            ValueError: a column is missing.
        """
        scores = storage.read_table(dataset.scores(shard), _NEEDED).sort_by("key")
        bounded = list(dict.fromkeys(bound.column for bound in self.bounds))
        columns = read_columns(bounded, scores["sample_id"].to_pylist(), dataset, shard)
        columns |= {name: scores[name].to_pylist() for name in ("aesthetic", "short_edge")}
        rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
        return scores, [self.reason_to_drop(row) for row in rows]

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Decide over every image of the shard's scores.

        Raises:
            ValueError: a column is missing, or no decision over duplicates covers the shard.
        """
        started = time.monotonic()
        scores, reasons = self.judge(dataset, shard)
        if self.duplicates:
            repeated = left_out(dataset, shard, self.name)
            reasons = [
                reason or repeated.get(key) for key, reason in zip(scores["key"].to_pylist(), reasons, strict=True)
            ]
        kept = [reason is None for reason in reasons]
        table = [scores["key"], scores["sample_id"], pa.array(kept, pa.bool_()), pa.array(reasons, pa.string())]
        storage.write_table(self.output(dataset, shard), pa.table(table, names=SELECTION.names).cast(SELECTION))
        return _result(reasons, started)


@dataclass(kw_only=True)
class Candidates(ShardStage):
    """Writes `candidates/`: what passes a selection's thresholds, with what tells whether it comes more than once.

    Args:
        select: the selection.
        resources: what a worker takes.
    """

    select: Select
    resources: Resources = field(default_factory=Resources, metadata={"execution": True})

    @property
    def folder(self) -> str:
        """`candidates`, or `candidates-<name>` for a selection of another name."""
        return candidate_folder(self.select.name)

    def output(self, dataset: Dataset, shard: Shard) -> str:
        """The Parquet."""
        return dataset.candidates(shard, self.select.name)

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Look up the scores and hashes of what passes.

        Raises:
            ValueError: a column is missing.
        """
        started = time.monotonic()
        scores, reasons = self.select.judge(dataset, shard)
        passing = scores.filter(pa.array([reason is None for reason in reasons], pa.bool_()))
        looks = _of_keys(dataset.scores(shard), "phash", passing["key"])
        files = _of_keys(dataset.image_table(shard), "sha256", passing["key"])
        columns = [*(passing[name] for name in CANDIDATES.names[:3]), first_word(files), first_word(looks)]
        storage.write_table(self.output(dataset, shard), pa.table(columns, names=CANDIDATES.names).cast(CANDIDATES))
        return _result(reasons, started)


def _result(reasons: Sequence[str | None], started: float) -> ShardResult:
    rejects = Counter(reason for reason in reasons if reason is not None)
    kept = len(reasons) - rejects.total()
    return ShardResult(rows=len(reasons), kept=kept, rejects=rejects, seconds=time.monotonic() - started)


def _of_keys(path: str, column: str, keys: pa.ChunkedArray) -> pa.ChunkedArray:
    table = storage.read_table(path, ["key", column])
    return table[column].take(pc.index_in(keys, table["key"].combine_chunks()))


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
