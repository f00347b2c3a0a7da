"""Searches a training set's captions for the prompts of benchmarks, shard by shard, in several processes."""

import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from curation import storage
from curation.dataset import Shard, TrainingSet
from pipelines.report.text_files import read_texts
from training.evaluation.contamination import Contamination, PromptIndex, merge

_Part = tuple[int, dict[str, Contamination]]


@dataclass(frozen=True, kw_only=True)
class SeenPrompts:
    """What a training set has of benchmarks.

    Args:
        captions: how many were searched.
        seen: by the benchmark's name.
    """

    captions: int
    seen: Mapping[str, Contamination]


def find_seen(indexes: Mapping[str, PromptIndex], against: str, *, workers: int = 1) -> SeenPrompts:
    """Search all captions in `against`, a training set's folder or a file of captions; workers change nothing.

    Raises:
        UsageError: there are no captions.
        ValueError: a shard is damaged; names it.
    """
    shards = TrainingSet(against).shards()
    search = partial(_search_shard, dict(indexes), against)
    parts = list(_parts(search, shards, workers)) if shards else [_search_file(indexes, against)]
    return SeenPrompts(
        captions=sum(captions for captions, _ in parts),
        seen={name: merge(seen[name] for _, seen in parts) for name in indexes},
    )


def _parts(search: "partial[_Part]", shards: Sequence[Shard], workers: int) -> Iterator[_Part]:
    if workers == 1:
        yield from map(search, shards)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(search, shards)


def _search_shard(indexes: Mapping[str, PromptIndex], against: str, shard: Shard) -> _Part:
    table = storage.read_table(TrainingSet(against).table(shard), ["sample_id", "caption"])
    captions = list(zip(table["sample_id"].to_pylist(), table["caption"].to_pylist(), strict=True))
    return len(captions), {name: index.search(captions) for name, index in indexes.items()}


def _search_file(indexes: Mapping[str, PromptIndex], path: str) -> _Part:
    captions = [(f"text {number}", text) for number, text in enumerate(read_texts(path), start=1)]
    return len(captions), {name: index.search(captions) for name, index in indexes.items()}
