"""Which images of one branch are left out because they come more than once: decided over all shards, and written down.

A decision is a Parquet file with a row for every image that is left out, and a JSON beside it, written last, that says
for which shards it was made. Shards that come later get a decision of their own: what stands is not taken back, so
their images are compared with those that were kept, and among themselves.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation import storage
from curation.dataset import SELECTION, Dataset, Shard
from curation.duplicates import Duplicates, find_duplicates, first_word
from curation.reasons import Reason

CANDIDATES = pa.schema(
    [
        ("key", pa.string()),
        ("sample_id", pa.string()),
        ("aesthetic", pa.float32()),
        ("file", pa.uint64()),
        ("looks", pa.uint64()),
    ]
)
"""A row for every image that passes the thresholds, by key: its score, 64 bits of its file's hash, its looks."""

DECISIONS = pa.schema([("shard", pa.int32()), ("row", pa.int32()), ("reason", pa.string())])
"""A row for every image that is left out, by shard, and by its row among the shard's candidates."""

READERS = 16
"""Threads that read candidates: the work is waiting for storage."""

_ROWS_TOGETHER = 1 << 16
"""Rows that a worker has to read to find those of its shard."""

Files = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class _Decision:
    """One that was made: where its rows are, and for which shards, as (first, last) of each run of them."""

    path: str
    runs: Sequence[tuple[int, int]]

    def covers(self, shard: Shard) -> bool:
        return any(first <= shard.index <= last for first, last in self.runs)

    def shards(self) -> list[Shard]:
        return [Shard(index=index) for first, last in self.runs for index in range(first, last + 1)]


def decide(dataset: Dataset, shards: Sequence[Shard], duplicates: Duplicates, name: str = SELECTION) -> None:
    """Decide over the candidates of those `shards` that no decision covers; memory: some 230 bytes a candidate.

    Args:
        dataset: the branch.
        shards: whose candidates are there.
        duplicates: which images count as the same, and which of them are taken.
        name: of the selection.
    """
    made = _decisions(dataset, name)
    new = sorted(shard for shard in shards if not any(decision.covers(shard) for decision in made))
    if not new:
        return
    standing, placeholders = _standing(dataset, made, name)
    tables = _read(dataset, new, name)
    numbers = pa.concat_tables([*standing, *tables])
    settled = sum(table.num_rows for table in standing)
    reasons = find_duplicates(numbers, duplicates, settled=settled, placeholders=placeholders)[settled:]
    path = storage.join(dataset.decisions(name), f"{len(made):05d}.parquet")
    with storage.atomic_writer(path) as file:
        rows = _left_out(new, [table.num_rows for table in tables], reasons)
        pq.write_table(rows, file, compression="zstd", row_group_size=_ROWS_TOGETHER)
    counted = {str(entry["values"]): entry["counts"] for entry in pc.value_counts(reasons.drop_null()).to_pylist()}
    record = {"shards": _runs(new), "candidates": len(reasons), "kept": reasons.null_count, "rejects": counted}
    storage.write_json(path.replace(".parquet", ".json"), record)


def left_out(dataset: Dataset, shard: Shard, name: str = SELECTION) -> dict[str, str]:
    """The keys of the shard's images that are left out, with the reason.

    Raises:
        ValueError: no decision covers the shard.
    """
    decision = next((decision for decision in _decisions(dataset, name) if decision.covers(shard)), None)
    if decision is None:
        raise ValueError(f"{dataset.decisions(name)}: shard {shard.name} was not there when duplicates were looked for")
    with storage.open_read(decision.path) as file:
        rows = pq.read_table(file, filters=[("shard", "=", shard.index)])
    keys = storage.read_table(dataset.candidates(shard, name), ["key"])["key"].take(rows["row"])
    return dict(zip(keys.to_pylist(), rows["reason"].to_pylist(), strict=True))


def _decisions(dataset: Dataset, name: str) -> list[_Decision]:
    """All that were made, the first one first."""
    folder = dataset.decisions(name)
    records = [storage.join(folder, record) for record in storage.names(folder, ".json")]
    return [
        _Decision(
            path=path.replace(".json", ".parquet"), runs=[(run[0], run[1]) for run in storage.read_json(path)["shards"]]
        )
        for path in records
    ]


def _standing(dataset: Dataset, made: Sequence[_Decision], name: str) -> tuple[list[pa.Table], Files]:
    """The candidates that earlier decisions have kept, and the files that these took for placeholders."""
    kept: list[pa.Table] = []
    placeholders = [np.empty(0, np.uint64)]
    for decision in made:
        rows = storage.read_table(decision.path, DECISIONS.names)
        of_shard, numbers = rows["shard"].to_numpy(), rows["row"].to_numpy()
        placeholder = pc.equal(rows["reason"], Reason.PLACEHOLDER.value).to_numpy()
        shards = decision.shards()
        for shard, table in zip(shards, _read(dataset, shards, name), strict=True):
            here = slice(*np.searchsorted(of_shard, [shard.index, shard.index + 1]))
            stays = np.ones(table.num_rows, np.bool_)
            stays[numbers[here]] = False
            kept.append(table.filter(pa.array(stays)))
            placeholders.append(table["file"].take(pa.array(numbers[here][placeholder[here]])).to_numpy())
    return kept, np.unique(np.concatenate(placeholders))


def _read(dataset: Dataset, shards: Sequence[Shard], name: str) -> list[pa.Table]:
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(partial(_numbers, dataset, name), shards))


def _numbers(dataset: Dataset, name: str, shard: Shard) -> pa.Table:
    """What tells the duplicates among a shard's candidates, in their order; the sample_id as a number."""
    table = storage.read_table(dataset.candidates(shard, name), CANDIDATES.names[1:])
    return table.set_column(0, "sample_id", first_word(table["sample_id"]))


def _left_out(shards: Sequence[Shard], sizes: Sequence[int], reasons: pa.Array) -> pa.Table:
    """DECISIONS rows, where `reasons` are those of all candidates of `shards`."""
    gone = reasons.is_valid()
    places = np.repeat([shard.index for shard in shards], sizes)
    starts = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
    columns = [pa.array(places), pa.array(np.arange(len(reasons)) - starts), reasons]
    return pa.table([column.filter(gone) for column in columns], names=DECISIONS.names).cast(DECISIONS)


def _runs(shards: Sequence[Shard]) -> list[list[int]]:
    """The indices of `shards`, which rise, as the first and the last of each run without a gap."""
    indices = [shard.index for shard in shards]
    breaks = [place for place, (one, other) in enumerate(pairwise(indices), 1) if other != one + 1]
    return [[indices[first], indices[last - 1]] for first, last in pairwise([0, *breaks, len(indices)])]
