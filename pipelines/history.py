"""One sample's way through a dataset and into a training set, from the files that each step left."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from captioning.report.headline import reason_sentence
from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet
from curation.tar import read_tar
from pipelines.status import find

READERS = 16
"""Threads that look for the sample: the work is waiting for storage."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one file says of the sample.

    Args:
        file: its path below the folder of the dataset or training set.
        values: by column, or by member for a tar; None where the file is there and the sample is not in it, or the
            file is not there yet, which `missing` tells apart.
        missing: whether there is no such file.
        verdict: why the sample goes no further, if this is where it stops.
    """

    file: str
    values: dict[str, Any] | None = None
    missing: bool = False
    verdict: str = ""


@dataclass(frozen=True, kw_only=True)
class History:
    """The entries of one sample in one folder, in the order in which the steps wrote them."""

    place: str
    sample_id: str
    entries: Sequence[Entry]


def histories(folder: str, wanted: str) -> list[History]:
    """Every sample below `folder` that has the key or the sample_id `wanted`.

    A key is one dataset's own, so several branches of a run may each have a sample by that key.

    Raises:
        ValueError: there is no dataset in `folder`, or no such sample in it.
    """
    datasets, training_sets = find(folder)
    found = [history for name, dataset in datasets.items() for history in _in_dataset(name, dataset, wanted)]
    ids = dict.fromkeys([*(history.sample_id for history in found), wanted])
    found += [history for one in training_sets for sample_id in ids for history in _in_training_set(one, sample_id)]
    if not found:
        looked = ", ".join([*datasets, *(one.root.rpartition("/")[2] for one in training_sets)])
        raise ValueError(
            f"no sample has the key or sample_id {wanted!r} in {looked}; "
            "expected one of the `key` or `sample_id` columns, such as 000000003 or 029ffb823d31eb5e"
        )
    return found


def _in_dataset(name: str, dataset: Dataset, wanted: str) -> list[History]:
    shards = dataset.shards()
    by_id = _search(shards, dataset.urls, "sample_id", wanted)
    by_key = [] if by_id else _search(shards, dataset.image_table, "key", wanted)
    return [
        History(place=name, sample_id=row["sample_id"], entries=_entries(dataset, shard, row["sample_id"]))
        for shard, row in by_id or by_key
    ]


def _search(
    shards: Sequence[Shard], path: Callable[[Shard], str], column: str, wanted: str
) -> list[tuple[Shard, dict[str, Any]]]:
    """The rows whose `column` is `wanted`, over all shards that have a file at `path`."""

    def look(shard: Shard) -> list[tuple[Shard, dict[str, Any]]]:
        if not storage.exists(path(shard)):
            return []
        return [(shard, row) for row in _rows(path(shard), column, wanted)]

    with ThreadPoolExecutor(READERS) as pool:
        return [row for rows in pool.map(look, shards) for row in rows]


def _rows(path: str, column: str, wanted: str) -> list[dict[str, Any]]:
    columns = list(dict.fromkeys(["sample_id", column]))
    narrow = storage.read_table(path, columns)
    if not pc.any(pc.equal(narrow[column], wanted)).as_py():
        return []
    table = storage.read_table(path)
    return table.filter(pc.equal(table[column], wanted)).to_pylist()  # type: ignore[no-any-return]


def _entries(dataset: Dataset, shard: Shard, sample_id: str) -> list[Entry]:
    """One entry a file of the shard, from metadata to captions."""
    image = _entry(dataset.root, dataset.image_table(shard), sample_id)
    key = (image.values or {}).get("key", "")
    captions = storage.names(storage.join(dataset.root, "captions"))
    return [
        _entry(dataset.root, dataset.urls(shard), sample_id),
        image,
        _tar_entry(dataset.root, dataset.image_tar(shard), key),
        _entry(dataset.root, dataset.scores(shard), sample_id),
        _entry(dataset.root, dataset.selection(shard), sample_id),
        *(_entry(dataset.root, dataset.captions(name, shard), sample_id) for name in captions),
    ]


def _in_training_set(training_set: TrainingSet, sample_id: str) -> list[History]:
    place = training_set.root.rpartition("/")[2]
    result = []
    for shard, row in _search(training_set.planned_shards(), training_set.plan, "sample_id", sample_id):
        entries = [
            Entry(file=_below(training_set.root, training_set.plan(shard)), values=row),
            _entry(training_set.root, training_set.table(shard), sample_id),
            _tar_entry(training_set.root, training_set.tar(shard), sample_id),
        ]
        result.append(History(place=place, sample_id=sample_id, entries=entries))
    return result


def _entry(root: str, path: str, sample_id: str) -> Entry:
    if not storage.exists(path):
        return Entry(file=_below(root, path), missing=True)
    rows = _rows(path, "sample_id", sample_id)
    if not rows:
        return Entry(file=_below(root, path))
    reasons = [rows[0].get("reason"), *(rows[0].get("flags") or [] if rows[0].get("caption", "") is None else [])]
    verdict = next((f"{reason}: {reason_sentence(reason)}" for reason in reasons if reason), "")
    return Entry(file=_below(root, path), values=rows[0], verdict=verdict)


def _tar_entry(root: str, path: str, key: str) -> Entry:
    """The tar's members of the sample, as `N bytes` by extension."""
    if not storage.exists(path):
        return Entry(file=_below(root, path), missing=True)
    for found, parts in read_tar(path):
        if found == key:
            values = {f"{key}.{extension}": f"{len(content):,} bytes" for extension, content in parts.items()}
            return Entry(file=_below(root, path), values=values)
    return Entry(file=_below(root, path))


def _below(root: str, path: str) -> str:
    return path.removeprefix(root.rstrip("/")).lstrip("/")
