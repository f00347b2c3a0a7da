"""Batches by position, however many read them."""

import itertools

import numpy as np
import pytest
from torch.utils.data import DataLoader

from tests.training.shards import write_set
from training.batch import Batch
from training.data import TrainingPairs
from training.pairs import PairReader
from training.stream import BatchStream


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> PairReader:
    root = tmp_path_factory.mktemp("set")
    write_set(root, [7, 2, 4])
    data = TrainingPairs(str(root), batch_size=1, resolution=16, shuffle_shards=2)
    data.setup("fit")
    assert data.reader is not None
    return data.reader


def positions(batches: list[Batch]) -> list[int]:
    return [position for batch in batches for position in batch["positions"].tolist()]


def load(stream: BatchStream, workers: int, batches: int | None = None) -> list[Batch]:
    return list(itertools.islice(DataLoader(stream, batch_size=None, num_workers=workers), batches))


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_change_nothing(reader: PairReader, workers: int) -> None:
    batches = load(BatchStream(reader=reader, first=5, batch_size=3), workers, batches=7)
    assert positions(batches) == list(range(5, 26))
    expected = [reader.read(np.arange(start, start + 3))["sample_ids"] for start in range(5, 26, 3)]
    assert [batch["sample_ids"] for batch in batches] == expected


def test_ranks_take_slices_of_one_sequence(reader: PairReader) -> None:
    ranks = [BatchStream(reader=reader, first=4, batch_size=2, rank=rank, world_size=3) for rank in range(3)]
    streams = [load(stream, 0, batches=4) for stream in ranks]
    assert positions([batch for step in zip(*streams, strict=True) for batch in step]) == list(range(4, 28))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_end_is_kept_to_by_all_ranks_together(reader: PairReader, workers: int) -> None:
    streams = [BatchStream(reader=reader, first=0, batch_size=2, rank=rank, world_size=2, end=11) for rank in (0, 1)]
    batches = [load(stream, workers) for stream in streams]
    assert positions(batches[0]) == [0, 1, 4, 5, 8, 9]
    assert positions(batches[1]) == [2, 3, 6, 7, 10]
