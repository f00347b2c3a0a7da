"""Repair: links whose failure may have been of the moment go into further shards of their branch, to be tried again.

What is to be tried again is read from the files: a row whose last try failed in a way that may pass. A killed repair
has written some of its shards, whole; the next one goes on after them. In memory there are 12 bytes for each row that
repairs have added so far.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation import storage
from curation.dataset import Dataset, Shard
from curation.duplicates import first_word
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
    tries = _LastTries(dataset)
    for shard in dataset.shards():
        if not storage.exists(dataset.image_table(shard)):
            continue
        failed = _failed(dataset, shard)
        failed = failed.filter(pa.array(tries.of(failed) <= shard.index))
        if failed.num_rows:
            urls = storage.read_table(dataset.urls(shard))
            yield urls.filter(pc.is_in(urls["sample_id"], failed["sample_id"].cast(urls["sample_id"].type)))


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


def _failed(dataset: Dataset, shard: Shard) -> pa.Table:
    """The samples of a shard whose download failed in a way that may pass."""
    table = storage.read_table(dataset.image_table(shard), _TRIED)
    passing = [is_transient(row["reason"], row["error_message"]) for row in table.to_pylist()]
    return table.filter(pa.array(passing, pa.bool_()))


class _LastTries:
    """The last of the shards that repairs added in which each sample is."""

    def __init__(self, dataset: Dataset) -> None:
        samples, shards = [np.empty(0, np.uint64)], [np.empty(0, np.int32)]
        for shard in reversed(repair_shards(dataset)):
            ids = _numbers(storage.read_table(dataset.urls(shard), ["sample_id"]))
            samples.append(ids)
            shards.append(np.full(len(ids), shard.index, np.int32))
        # Of equal samples the first is taken, which is of the last shard.
        self._samples, firsts = np.unique(np.concatenate(samples), return_index=True)
        self._shards = np.concatenate(shards)[firsts]

    def of(self, table: pa.Table) -> npt.NDArray[np.int32]:
        """The shard of each row's sample; 0 for one that no repair has added."""
        wanted = _numbers(table)
        if not len(self._samples):
            return np.zeros(len(wanted), np.int32)
        places = np.searchsorted(self._samples, wanted).clip(max=len(self._samples) - 1)
        return np.where(self._samples[places] == wanted, self._shards[places], np.int32(0))


def _numbers(table: pa.Table) -> npt.NDArray[np.uint64]:
    numbers: npt.NDArray[np.uint64] = first_word(table["sample_id"]).to_numpy()
    return numbers
