from pathlib import Path

import pyarrow as pa
import pytest

from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet, is_aside, sample_id


def test_paths_are_those_of_the_contract() -> None:
    dataset, shard = Dataset("s3://bucket/laion/"), Shard(index=42)
    assert dataset.manifest() == "s3://bucket/laion/dataset.json"
    assert dataset.urls(shard) == "s3://bucket/laion/urls/00042.parquet"
    assert dataset.image_tar(shard) == "s3://bucket/laion/images/00042.tar"
    assert dataset.image_table(shard) == "s3://bucket/laion/images/00042.parquet"
    assert dataset.scores(shard) == "s3://bucket/laion/scores/00042.parquet"
    assert dataset.selection(shard) == "s3://bucket/laion/selection/00042.parquet"
    assert dataset.captions("cogvlm", shard) == "s3://bucket/laion/captions/cogvlm/00042.parquet"
    assert dataset.statistics("cogvlm", shard) == "s3://bucket/laion/statistics/cogvlm/00042.json"


def test_training_paths_are_those_of_the_contract() -> None:
    training_set, shard = TrainingSet("/data/set"), Shard(index=7)
    assert training_set.tar(shard) == "/data/set/00007.tar"
    assert training_set.table(shard) == "/data/set/00007.parquet"
    assert training_set.plan(shard) == "/data/set/plan/00007.parquet"
    assert training_set.manifest() == "/data/set/dataset.json"
    assert training_set.card() == "/data/set/README.md"
    assert training_set.report() == "/data/set/report.html"


def test_shards_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    assert dataset.shards() == []
    for index in (100_000, 99_999, 3):
        storage.write_table(dataset.urls(Shard(index=index)), pa.table({"x": [1]}))
    storage.write_json(storage.join(dataset.root, "urls", "plan.json"), {})
    assert [shard.index for shard in dataset.shards()] == [3, 99_999, 100_000]


def test_a_training_set_tells_planned_shards_from_finished_ones(tmp_path: Path) -> None:
    training_set = TrainingSet(str(tmp_path))
    for index in (0, 1):
        storage.write_table(training_set.plan(Shard(index=index)), pa.table({"x": [1]}))
    storage.write_table(training_set.table(Shard(index=1)), pa.table({"x": [1]}))
    assert [shard.index for shard in training_set.planned_shards()] == [0, 1]
    assert [shard.index for shard in training_set.shards()] == [1]


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        ("http://example.com/a.jpg", "7f172b1de9c995f4"),
        ("000/a.jpg", "637b620d5eef44f0"),
        ("http://example.com/é.jpg", "37140e33dcd96eb1"),
    ],
)
def test_a_sample_id_is_64_bits_and_never_changes(identity: str, expected: str) -> None:
    assert sample_id(identity) == expected


def test_selections_beside_the_main_one_have_folders_of_their_own() -> None:
    dataset, shard = Dataset("d"), Shard(index=1)
    assert dataset.candidates(shard) == "d/candidates/00001.parquet"
    assert dataset.candidates(shard, "strict") == "d/candidates-strict/00001.parquet"
    assert dataset.decisions("strict") == "d/candidates-strict/decisions"
    aside = [is_aside(folder) for folder in ("selection", "candidates", "selection/strict", "candidates-strict")]
    assert aside == [False, False, True, True]
