"""Branches into one training set: a plan made once and written down, then one training shard at a time.

Few of a source shard's images are kept, so a training shard is filled from many of them. Source shards are taken
in an order that mixes the branches and depends on nothing but their names. A sample that two branches have is
taken from the one that the configuration names first. Where a branch has captions by several captioners, a sample's
are drawn by weight among those that have one for it, and its sample_id alone decides the draw. Of images that are the
same the one with the best score is taken: `pipelines.duplicates`.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from captioning.choice import check_weights, choose
from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet
from curation.reasons import Reason
from curation.stage import Resources
from pipelines.duplicates import Duplicates, find_duplicates

PLAN = pa.schema(
    [
        ("sample_id", pa.string()),
        ("branch", pa.string()),
        ("shard", pa.int32()),
        ("key", pa.string()),
        ("captions", pa.string()),
    ]
)
CANDIDATES = pa.schema([*PLAN, ("aesthetic", pa.float32()), ("file", pa.uint64()), ("looks", pa.uint64())])
"""PLAN's columns, and what tells duplicates: 64 bits of the file's SHA-256, and the perceptual hash."""

READERS = 16
"""Threads that read captions, scores and image tables: the work is waiting for storage."""

Captions = str | dict[str, float]
"""The name of a branch's captions, or several names with their weights."""

KEEP_DUPLICATES = Duplicates(exact=False, near_bits=None, max_repeats=None)
"""Every sample once, whatever its image."""


@dataclass(kw_only=True)
class Merge:
    """How the branches become a training set.

    Args:
        output: folder of the training set.
        captions: branch to the name of its captions, or to several names with their weights; a branch left out uses
            those of its last captioning stage.
        samples_per_shard: pairs in a training shard; the last one has what is left.
        allow_missing: shards that may be missing, over all branches, because they were given up.
        duplicates: which of the images that come more than once are taken; over all branches.
        note: a sentence for the top of the dataset card.
        resources: of a worker that writes training shards.
    """

    output: str
    captions: dict[str, Captions] = field(default_factory=dict)
    samples_per_shard: int = 5_000
    allow_missing: int = 0
    duplicates: Duplicates = field(default_factory=Duplicates)
    note: str = ""
    resources: Resources = field(default_factory=lambda: Resources(max_workers=64))

    def __post_init__(self) -> None:
        if self.samples_per_shard < 1:
            raise ValueError(f"merge.samples_per_shard={self.samples_per_shard}: expected 1 or more")
        for branch, captions in self.captions.items():
            if not isinstance(captions, str):
                check_weights(captions, f"merge.captions.{branch}")


@dataclass(frozen=True, kw_only=True)
class MergeInput:
    """What one branch gives to the merge.

    Args:
        dataset: the branch's folder.
        captions: name of the captions to take, or several names with their weights.
        shards: the branch's finished shards.
    """

    dataset: Dataset
    captions: Captions
    shards: Sequence[Shard]


def weights_of(captions: Captions) -> dict[str, float]:
    """Names of captions and their weights, where one name is all there is, too."""
    return {captions: 1.0} if isinstance(captions, str) else captions


def summary_path(training_set: TrainingSet) -> str:
    """JSON, written last: pairs by branch, those left out by branch and reason, number of shards."""
    return storage.join(training_set.root, "plan", "summary.json")


def merge_summary(training_set: TrainingSet) -> dict[str, Any]:
    """What the plan came to, empty while there is none: `pairs` by branch, `rejects` by branch and reason, `shards`."""
    path = summary_path(training_set)
    return storage.read_json(path) if storage.exists(path) else {"pairs": {}, "rejects": {}, "shards": 0}


def plan_merge(
    inputs: Mapping[str, MergeInput],
    output: TrainingSet,
    samples_per_shard: int,
    duplicates: Duplicates = KEEP_DUPLICATES,
) -> dict[str, Any]:
    """Write which sample goes into which training shard; a plan that is there is left as it is.

    Returns:
        The summary, as `merge_summary` gives it.

    Raises:
        ValueError: no branch has a captioned image.
    """
    if storage.exists(summary_path(output)):
        return merge_summary(output)
    candidates = pa.concat_tables([_candidates(name, given) for name, given in inputs.items()])
    if not candidates.num_rows:
        raise ValueError(f"nothing to merge into {output.root}: no branch has an image that was kept and captioned")
    reasons = _reasons(candidates, duplicates)
    chosen = candidates.filter(pc.is_null(reasons)).select(PLAN.names)
    order = sorted(
        ((name, shard.index) for name, given in inputs.items() for shard in given.shards),
        key=lambda place: hashlib.sha256(f"{place[0]}/{place[1]}".encode()).digest(),
    )
    places = pa.table(
        {
            "branch": [name for name, _ in order],
            "shard": pa.array([index for _, index in order], pa.int32()),
            "turn": range(len(order)),
        }
    )
    ordered = chosen.join(places, ["branch", "shard"]).sort_by([("turn", "ascending"), ("key", "ascending")])
    starts = range(0, ordered.num_rows, samples_per_shard)
    for index, start in enumerate(starts):
        rows = ordered.slice(start, samples_per_shard).select(PLAN.names)
        storage.write_table(output.plan(Shard(index=index)), rows.sort_by("sample_id").cast(PLAN))
    summary = {
        "pairs": _count(chosen, inputs),
        "rejects": _count_reasons(candidates["branch"], reasons),
        "shards": len(starts),
    }
    storage.write_json(summary_path(output), summary)
    return summary


def _candidates(branch: str, given: MergeInput) -> pa.Table:
    """Every captioned image of a branch, as CANDIDATES rows."""
    dataset = given.dataset

    def of_shard(shard: Shard) -> pa.Table:
        table = _captioned(given, shard)
        scores = _rows_of(table["key"], storage.read_table(dataset.scores(shard), ["key", "aesthetic", "phash"]))
        images = _rows_of(table["key"], storage.read_table(dataset.image_table(shard), ["key", "sha256"]))
        columns = {
            **{name: table[name] for name in table.column_names},
            "branch": pa.repeat(branch, table.num_rows),
            "shard": pa.repeat(shard.index, table.num_rows),
            "aesthetic": scores["aesthetic"],
            "file": _words(images["sha256"]),
            "looks": _words(scores["phash"]),
        }
        return pa.table(columns).select(CANDIDATES.names).cast(CANDIDATES)

    with ThreadPoolExecutor(READERS) as pool:
        return pa.concat_tables([CANDIDATES.empty_table(), *pool.map(of_shard, given.shards)])


def _captioned(given: MergeInput, shard: Shard) -> pa.Table:
    """`sample_id`, `key` and the name of the `captions` of every image of a shard that has a caption, by key."""
    weights = {name: weight for name, weight in weights_of(given.captions).items() if weight}
    having: dict[tuple[str, str], dict[str, float]] = {}
    for name, weight in weights.items():
        table = storage.read_table(given.dataset.captions(name, shard), ["key", "sample_id", "caption"])
        table = table.filter(pc.is_valid(table["caption"]))
        for place in zip(table["key"].to_pylist(), table["sample_id"].to_pylist(), strict=True):
            having.setdefault(place, {})[name] = weight
    places = sorted(having)
    drawn = [choose(having[key, sample], sample) if len(weights) > 1 else next(iter(weights)) for key, sample in places]
    columns = [[sample for _, sample in places], [key for key, _ in places], drawn]
    return pa.table([pa.array(column, pa.string()) for column in columns], names=["sample_id", "key", "captions"])


def _rows_of(keys: pa.ChunkedArray, table: pa.Table) -> pa.Table:
    """The rows of `table` that have `keys`, in their order."""
    return table.take(pc.index_in(keys, table["key"].combine_chunks()))


def _words(hashes: pa.ChunkedArray) -> pa.Array:
    """The first 64 bits of hashes in hex."""
    return pa.array([None if text is None else int(text[:16], 16) for text in hashes.to_pylist()], pa.uint64())


def _reasons(candidates: pa.Table, duplicates: Duplicates) -> pa.Array:
    """Why each candidate is left out, null for one that is taken: first by its sample_id, then by its image."""
    rows = _first_of_each(candidates)
    found = find_duplicates(candidates.take(rows), duplicates)
    reasons = np.full(candidates.num_rows, Reason.DUPLICATE_SAMPLE.value, object)
    reasons[rows.to_numpy()] = found.to_numpy(zero_copy_only=False)
    return pa.array(reasons, pa.string())


def _first_of_each(candidates: pa.Table) -> pa.Array:
    """One row number a sample_id: the first, that is, of the branch named first."""
    numbered = candidates.select(["sample_id"]).append_column("row", pa.array(np.arange(candidates.num_rows)))
    return numbered.group_by("sample_id").aggregate([("row", "min")])["row_min"].combine_chunks().sort()


def _count_reasons(branches: pa.ChunkedArray, reasons: pa.Array) -> dict[str, dict[str, int]]:
    """Rows by branch and reason, both in the order in which they first come."""
    left_out = pa.table({"branch": branches, "reason": reasons}).filter(pc.is_valid(reasons))
    counts: dict[str, Counter[str]] = {}
    for group in left_out.group_by(["branch", "reason"], use_threads=False).aggregate([([], "count_all")]).to_pylist():
        counts.setdefault(group["branch"], Counter())[group["reason"]] = group["count_all"]
    return {branch: dict(sorted(counted.items())) for branch, counted in counts.items()}


def _count(table: pa.Table, inputs: Mapping[str, MergeInput]) -> dict[str, int]:
    counted = {str(entry["values"]): entry["counts"] for entry in pc.value_counts(table["branch"]).to_pylist()}
    return {name: counted.get(name, 0) for name in inputs}
