"""Open files of shards: checked against their table, and no more of them than may be."""

import pickle
from pathlib import Path

import pytest

from curation.dataset import TrainingSet
from tests.training.shards import parts_of, write_set, write_shard
from training.fetch import LocalCopies
from training.shard_files import ShardFiles
from training.tar_index import TarIndex


def files(root: Path, most: int = 2) -> ShardFiles[TarIndex]:
    training_set = TrainingSet(str(root))
    return ShardFiles(
        training_set, training_set.shards(), path=training_set.tar, load=TarIndex,
        copies=LocalCopies(folder=str(root / "copies")), most=most,
    )  # fmt: skip


def test_a_shard_is_opened_once_while_it_is_in_use(tmp_path: Path) -> None:
    write_set(tmp_path, [1, 2, 3])
    opened = files(tmp_path)
    first, second = opened[0], opened[1]
    assert opened[0] is first
    assert len(opened[2].sample_ids) == 3  # closes the second, which was used longest ago
    assert opened[0] is first
    assert opened[1] is not second


def test_a_tar_of_other_samples_than_its_table_is_refused(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, {"a": parts_of(1), "b": parts_of(2)}, listed=["a", "c"])
    with pytest.raises(ValueError, match=r"00000\.tar: holds 2 samples and \S+00000\.parquet lists 2, of which 1 are"):
        files(tmp_path)[0]


def test_open_files_do_not_travel_to_workers(tmp_path: Path) -> None:
    write_set(tmp_path, [2])
    opened = files(tmp_path)
    expected = opened[0].read(1, "txt")
    assert pickle.loads(pickle.dumps(opened))[0].read(1, "txt") == expected
