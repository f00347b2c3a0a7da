"""Branches into one training set: a plan made once and written down, then one training shard at a time.

Few of a source shard's images are kept, so a training shard is filled from many of them. Source shards are taken
in an order that mixes the branches and depends on nothing but their names. A sample that two branches have is
taken from the one that the configuration names first.
"""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet
from curation.reasons import Reason
from curation.stage import Resources

PLAN = pa.schema([("sample_id", pa.string()), ("branch", pa.string()), ("shard", pa.int32()), ("key", pa.string())])
READERS = 16
"""Threads that read selections and captions: the work is waiting for storage."""


@dataclass(kw_only=True)
class Merge:
    """How the branches become a training set.

    Args:
        output: folder of the training set.
        captions: branch to the name of its captions; a branch left out uses those of its last captioning stage.
        samples_per_shard: pairs in a training shard; the last one has what is left.
        allow_missing: shards that may be missing, over all branches, because they were given up.
        note: a sentence for the top of the dataset card.
        resources: of a worker that writes training shards.
    """

    output: str
    captions: dict[str, str] = field(default_factory=dict)
    samples_per_shard: int = 5_000
    allow_missing: int = 0
    note: str = ""
    resources: Resources = field(default_factory=lambda: Resources(max_workers=64))

    def __post_init__(self) -> None:
        if self.samples_per_shard < 1:
            raise ValueError(f"merge.samples_per_shard={self.samples_per_shard}: expected 1 or more")


@dataclass(frozen=True, kw_only=True)
class MergeInput:
    """What one branch gives to the merge.

    Args:
        dataset: the branch's folder.
        captions: name of the captions to take.
        shards: the branch's finished shards.
    """

    dataset: Dataset
    captions: str
    shards: Sequence[Shard]


def summary_path(training_set: TrainingSet) -> str:
    """JSON, written last: pairs by branch, duplicates between branches, number of shards."""
    return storage.join(training_set.root, "plan", "summary.json")


def merge_summary(training_set: TrainingSet) -> dict[str, Any]:
    """What the plan came to, empty while there is none: `pairs` by branch, `rejects` by branch and reason, `shards`."""
    path = summary_path(training_set)
    return storage.read_json(path) if storage.exists(path) else {"pairs": {}, "rejects": {}, "shards": 0}


def plan_merge(inputs: Mapping[str, MergeInput], output: TrainingSet, samples_per_shard: int) -> dict[str, Any]:
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
    chosen = _first_of_each(candidates)
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
        "rejects": {
            name: {Reason.DUPLICATE_SAMPLE.value: before - after}
            for (name, before), after in zip(
                _count(candidates, inputs).items(), _count(chosen, inputs).values(), strict=True
            )
            if before > after
        },
        "shards": len(starts),
    }
    storage.write_json(summary_path(output), summary)
    return summary


def _candidates(branch: str, given: MergeInput) -> pa.Table:
    """Every captioned image of a branch, as PLAN rows."""

    def of_shard(shard: Shard) -> pa.Table:
        table = storage.read_table(given.dataset.captions(given.captions, shard), ["sample_id", "key", "caption"])
        table = table.filter(pc.is_valid(table["caption"])).drop_columns("caption")
        size = table.num_rows
        table = table.append_column("branch", pa.array([branch] * size, pa.string()))
        table = table.append_column("shard", pa.array([shard.index] * size, pa.int32()))
        return table.select(PLAN.names).cast(PLAN)

    with ThreadPoolExecutor(READERS) as pool:
        return pa.concat_tables([PLAN.empty_table(), *pool.map(of_shard, given.shards)])


def _first_of_each(candidates: pa.Table) -> pa.Table:
    """One row a sample_id: the first, that is, of the branch named first."""
    numbered = candidates.append_column("row", pa.array(np.arange(candidates.num_rows)))
    first = numbered.group_by("sample_id").aggregate([("row", "min")])
    return candidates.take(first["row_min"].combine_chunks().sort())


def _count(table: pa.Table, inputs: Mapping[str, MergeInput]) -> dict[str, int]:
    counted = {str(entry["values"]): entry["counts"] for entry in pc.value_counts(table["branch"]).to_pylist()}
    return {name: counted.get(name, 0) for name in inputs}
