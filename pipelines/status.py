"""The funnel: how many rows each step of a run let through, and why the others went no further.

Everything is read from the files that are there, so it is as true in the middle of a run as at its end.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet
from curation.reasons import Reason
from curation.schemas import SUCCESS
from curation.sources.source import read_plan
from pipelines.merge import merge_summary
from pipelines.repair import repair_shards

READERS = 16
"""Threads that read tables: the work is waiting for storage."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """One step of a funnel.

    Args:
        name: what was done to the rows: `downloaded`, `kept`, ...
        rows: rows that came in.
        kept: rows that got through.
        rejects: reason code to rows that did not.
    """

    name: str
    rows: int
    kept: int
    rejects: Counter[str]


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """A branch's levels from top to bottom, with the shards it has."""

    branch: str
    shards: int
    levels: list[Level]


def funnels(folder: str) -> list[Funnel]:
    """The funnels of every branch below the folder of a run, or of the one dataset that the folder is.

    Raises:
        ValueError: there is no dataset in `folder`.
    """
    datasets, training_sets = find(folder)
    merged = [_merged(training_set) for training_set in training_sets]
    return [
        Funnel(branch=name, shards=len(dataset.shards()), levels=[*levels(dataset), *_merge_levels(name, merged)])
        for name, dataset in datasets.items()
    ]


def find(folder: str) -> tuple[dict[str, Dataset], list[TrainingSet]]:
    """The datasets by name, and the training sets, that are in `folder` or are the folder itself.

    Raises:
        ValueError: there are none.
    """
    datasets, training_sets = {}, []
    for name in ["", *storage.names(folder)]:
        root = storage.join(folder, name).rstrip("/")
        if not storage.exists(Dataset(root).manifest()):
            continue
        if storage.exists(storage.join(root, "plan")):
            training_sets.append(TrainingSet(root))
        else:
            datasets[name or root.rpartition("/")[2]] = Dataset(root)
    if not datasets and not training_sets:
        raise ValueError(f"{folder}: no dataset.json here or one level below; expected the folder of a run")
    return datasets, training_sets


def levels(dataset: Dataset) -> list[Level]:
    """A dataset's levels from its source's plan to its captions."""
    captions = storage.names(storage.join(dataset.root, "captions"))
    planned = _planned(dataset)
    downloaded = _level(dataset, "downloaded", dataset.image_table, ["status", "reason"], _image_reasons)
    return [
        planned,
        Level(name="tried", rows=planned.kept, kept=downloaded.rows, rejects=Counter()),
        downloaded,
        _level(dataset, "scored", dataset.scores, ["aesthetic"], _score_reasons),
        _level(dataset, "kept", dataset.selection, ["kept", "reason"], _selection_reasons),
        *(
            _level(
                dataset, f"captioned: {name}", partial(dataset.captions, name), ["caption", "flags"], _caption_reasons
            )
            for name in captions
        ),
    ]


def _planned(dataset: Dataset) -> Level:
    """The source's own account of its metadata rows, and the rows that repairs added."""
    plan = read_plan(dataset)
    if plan is None:
        return Level(name="planned", rows=0, kept=0, rejects=Counter())
    rejects = Counter({reason: count for reason, count in plan.rejects.items() if count})
    again = sum(storage.read_table(dataset.urls(shard), ["sample_id"]).num_rows for shard in repair_shards(dataset))
    return Level(name="planned", rows=plan.rows + again, kept=plan.kept + again, rejects=rejects)


def _level(
    dataset: Dataset,
    name: str,
    path: Callable[[Shard], str],
    columns: list[str],
    reasons: Callable[[pa.Table], pa.ChunkedArray],
) -> Level:
    """Count the rows of every shard that has a file at `path`; `reasons` is null for a row that goes on."""
    there = [shard for shard in dataset.shards() if storage.exists(path(shard))]

    def count(shard: Shard) -> tuple[int, Counter[str]]:
        table = storage.read_table(path(shard), columns)
        given = reasons(table).drop_null()
        counted = {str(entry["values"]): entry["counts"] for entry in pc.value_counts(given).to_pylist()}
        return table.num_rows, Counter(counted)

    with ThreadPoolExecutor(READERS) as pool:
        counts = list(pool.map(count, there))
    rows, rejects = sum(rows for rows, _ in counts), Counter[str]()
    for _, more in counts:
        rejects.update(more)
    return Level(name=name, rows=rows, kept=rows - rejects.total(), rejects=rejects)


def _image_reasons(table: pa.Table) -> pa.ChunkedArray:
    unknown = pc.coalesce(table["reason"], pa.scalar(Reason.DOWNLOAD_FAILED.value))
    return pc.if_else(pc.equal(table["status"], SUCCESS), pa.scalar(None, pa.string()), unknown)


def _score_reasons(table: pa.Table) -> pa.ChunkedArray:
    scored = pc.fill_null(pc.is_finite(table["aesthetic"]), False)
    return pc.if_else(scored, pa.scalar(None, pa.string()), pa.scalar(Reason.NO_SCORE.value))


def _selection_reasons(table: pa.Table) -> pa.ChunkedArray:
    return pc.if_else(table["kept"], pa.scalar(None, pa.string()), table["reason"])


def _caption_reasons(table: pa.Table) -> pa.ChunkedArray:
    first_flag = pa.chunked_array(
        [pa.array([(flags or [Reason.NO_CAPTION.value])[0] for flags in table["flags"].to_pylist()], pa.string())]
    )
    return pc.if_else(pc.is_valid(table["caption"]), pa.scalar(None, pa.string()), first_flag)


@dataclass(frozen=True, kw_only=True)
class _Merged:
    """Pairs of a training set by branch: planned, finished, and rejected with reasons."""

    planned: Counter[str]
    finished: Counter[str]
    rejects: dict[str, Counter[str]]


def _merged(training_set: TrainingSet) -> _Merged:
    summary = merge_summary(training_set)
    finished = Counter[str]()
    for shard in training_set.shards():
        branches = storage.read_table(training_set.plan(shard), ["branch"])["branch"]
        finished.update({entry["values"]: entry["counts"] for entry in pc.value_counts(branches).to_pylist()})
    rejects = {branch: Counter(reasons) for branch, reasons in summary["rejects"].items()}
    return _Merged(planned=Counter(summary["pairs"]), finished=finished, rejects=rejects)


def _merge_levels(branch: str, merged: list[_Merged]) -> list[Level]:
    return [
        Level(
            name="merged",
            rows=one.planned[branch] + one.rejects.get(branch, Counter()).total(),
            kept=one.finished[branch],
            rejects=one.rejects.get(branch, Counter()),
        )
        for one in merged
    ]
