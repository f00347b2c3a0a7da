"""Branches into one training set: a plan made once and written down, then one training shard at a time.

Few of a source shard's images are kept, so a training shard is filled from many of them. Source shards are taken
in an order that mixes the branches and depends on nothing but their names. A sample that two branches have is
taken from the one that the configuration names first. Where a branch has captions by several captioners, a sample's
are drawn by weight among those that have one for it, and its sample_id alone decides the draw. Of images that are the
same the one with the best score is taken: `curation.duplicates`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from captioning.choice import check_weights
from curation import storage
from curation.dataset import Shard, TrainingSet
from curation.duplicates import Duplicates, find_duplicates
from curation.reasons import Reason
from curation.sources.buckets import cut
from curation.stage import Resources
from pipelines.candidates import Captions, MergeCandidates, MergeInput, Place

PLAN = pa.schema(
    [
        ("sample_id", pa.string()),
        ("branch", pa.string()),
        ("shard", pa.int32()),
        ("key", pa.string()),
        ("captions", pa.string()),
    ]
)

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
    with MergeCandidates(inputs) as candidates:
        if not candidates.numbers.num_rows:
            raise ValueError(f"nothing to merge into {output.root}: no branch has an image that was kept and captioned")
        reasons = _reasons(candidates.numbers, duplicates)
        shards = 0
        for rows in cut(_chosen(candidates, reasons), samples_per_shard):
            storage.write_table(output.plan(Shard(index=shards)), rows.sort_by("sample_id").cast(PLAN))
            shards += 1
        summary = {**_counts(inputs, candidates, reasons), "shards": shards}
    storage.write_json(summary_path(output), summary)
    return summary


def _reasons(numbers: pa.Table, duplicates: Duplicates) -> pa.Array:
    """Why each candidate is left out, null for one that is taken: first by its sample_id, then by its image."""
    # The first row of each sample_id is that of the branch named first.
    firsts = pa.array(np.sort(np.unique(numbers["sample_id"].to_numpy(), return_index=True)[1]))
    found = find_duplicates(numbers.take(firsts), duplicates)
    if len(firsts) == numbers.num_rows:
        return found
    again = pa.repeat(pa.scalar(Reason.DUPLICATE_SAMPLE.value), numbers.num_rows)
    first = np.zeros(numbers.num_rows, np.bool_)
    first[firsts.to_numpy()] = True
    return pc.replace_with_mask(again, pa.array(first), found)


def _chosen(candidates: MergeCandidates, reasons: pa.Array) -> Iterator[pa.Table]:
    """PLAN rows of all that are taken, a table a source shard."""
    places = candidates.places
    for place in sorted(range(len(places)), key=lambda place: _turn(places[place])):
        rows = candidates.rows(place)
        taken = candidates.names(place).filter(pc.is_null(reasons[rows]))
        columns = {name: taken[name] for name in taken.column_names}
        columns["branch"] = pa.repeat(places[place].branch, taken.num_rows)
        columns["shard"] = pa.repeat(pa.scalar(places[place].shard.index, pa.int32()), taken.num_rows)
        yield pa.table(columns).select(PLAN.names)


def _turn(place: Place) -> bytes:
    return hashlib.sha256(f"{place.branch}/{place.shard.index}".encode()).digest()


def _counts(inputs: Mapping[str, MergeInput], candidates: MergeCandidates, reasons: pa.Array) -> dict[str, Any]:
    """`pairs` by branch, and `rejects` by branch and reason for the branches that have some."""
    ends = np.cumsum([0, *(len(given.shards) for given in inputs.values())])
    pairs, rejects = {}, {}
    for name, first, last in zip(inputs, ends, ends[1:], strict=False):
        given = reasons[int(candidates.starts[first]) : int(candidates.starts[last])]
        counted = {str(entry["values"]): entry["counts"] for entry in pc.value_counts(given.drop_null()).to_pylist()}
        pairs[name] = given.null_count
        if counted:
            rejects[name] = dict(sorted(counted.items()))
    return {"pairs": pairs, "rejects": rejects}
