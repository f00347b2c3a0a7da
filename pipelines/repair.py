"""Repair: links whose failure may have been of the moment go into further shards of their branch, to be tried again.

What is to be tried again is read from the files: a row whose last try failed in a way that may pass. A killed repair
has written some of its shards, whole; the next one goes on after them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pyarrow as pa
import pyarrow.compute as pc

from curation import storage
from curation.dataset import Dataset, Shard
from curation.reasons import is_transient
from curation.sources.source import read_plan

_TRIED = ["sample_id", "reason", "error_message"]


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What a repair wrote: `shards` in order, and how many `rows` are in them."""

    shards: list[Shard]
    rows: int


def repair_shards(dataset: Dataset) -> list[Shard]:
    """The shards that repairs added to those of the source's plan."""
    plan = read_plan(dataset)
    return [] if plan is None else [shard for shard in dataset.shards() if shard.index >= plan.shards]


def transient_rows(dataset: Dataset) -> Iterator[pa.Table]:
    """The rows of `urls/` to try again, a table a shard, in the order of shards and rows.

    Shards that have not been downloaded yet hold none: their rows are tried anyway.
    """
    last_try = {sample: shard.index for shard in repair_shards(dataset) for sample in _ids(dataset, shard)}
    for shard in dataset.shards():
        if not storage.exists(dataset.image_table(shard)):
            continue
        failed = [sample for sample in _failed(dataset, shard) if last_try.get(sample, 0) <= shard.index]
        if failed:
            urls = storage.read_table(dataset.urls(shard))
            yield urls.filter(pc.is_in(urls["sample_id"], pa.array(failed, urls["sample_id"].type)))


def write_repair(dataset: Dataset) -> Repair:
    """Write the rows to try again into URL shards behind those that are there, as long as the first of these.

    Each row is in them once, however often it has failed, so one call is one more try of each.
    """
    shards = dataset.shards()
    if not shards:
        return Repair(shards=[], rows=0)
    size = max(1, storage.read_table(dataset.urls(shards[0]), ["sample_id"]).num_rows)
    written, rows = [], 0
    names = (Shard(index=index) for index in count(shards[-1].index + 1))
    for table, shard in zip(_cut(transient_rows(dataset), size), names, strict=False):
        storage.write_table(dataset.urls(shard), table)
        written.append(shard)
        rows += table.num_rows
    return Repair(shards=written, rows=rows)


def _cut(tables: Iterator[pa.Table], size: int) -> Iterator[pa.Table]:
    """The same rows in tables of `size`, the last with what is left."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        while sum(part.num_rows for part in held) >= size:
            whole = pa.concat_tables(held)
            yield whole.slice(0, size)
            held = [whole.slice(size)]
    if sum(part.num_rows for part in held):
        yield pa.concat_tables(held)


def _failed(dataset: Dataset, shard: Shard) -> list[str]:
    """The samples of a shard whose download failed in a way that may pass."""
    rows = storage.read_table(dataset.image_table(shard), _TRIED).to_pylist()
    return [row["sample_id"] for row in rows if is_transient(row["reason"], row["error_message"])]


def _ids(dataset: Dataset, shard: Shard) -> list[str]:
    return storage.read_table(dataset.urls(shard), ["sample_id"])["sample_id"].to_pylist()  # type: ignore[no-any-return]
