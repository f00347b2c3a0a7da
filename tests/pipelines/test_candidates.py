"""What the merge may take: names on disk and numbers in memory, in one order."""

from pathlib import Path

import pyarrow as pa
import pytest

from curation import storage
from curation.dataset import Dataset, Shard
from curation.schemas import IMAGES, SCORES
from pipelines.candidates import NAMES, NUMBERS, MergeCandidates, MergeInput, Place, weights_of
from tests.pipelines.shards import write_branch


def given(folder: Path) -> dict[str, MergeInput]:
    """Two branches with 7 captioned images a shard; coyo has a shard without any."""
    laion = write_branch(str(folder / "laion"), source="laion", shards=2, rows=10, captions="new")
    coyo = write_branch(str(folder / "coyo"), source="coyo", shards=2, rows=3, captions="new", first=50)
    for dataset in (laion, coyo):
        for shard in dataset.shards():
            add_hashes(dataset, shard)
    return {
        name: MergeInput(dataset=dataset, captions="new", shards=dataset.shards())
        for name, dataset in (("laion", laion), ("coyo", coyo))
    }


def add_hashes(dataset: Dataset, shard: Shard) -> None:
    images = storage.read_table(dataset.image_table(shard)).to_pylist()
    hashed = [{**row, "sha256": row["sample_id"] * 4} for row in images]
    storage.write_table(dataset.image_table(shard), pa.Table.from_pylist(hashed, IMAGES))
    scores = storage.read_table(dataset.scores(shard)).to_pylist()
    hashed = [{**row, "phash": row["sample_id"][::-1]} for row in reversed(scores)]
    storage.write_table(dataset.scores(shard), pa.Table.from_pylist(hashed, SCORES))


def test_names_and_numbers_are_in_the_order_of_branches_shards_and_keys(tmp_path: Path) -> None:
    with MergeCandidates(given(tmp_path)) as candidates:
        assert candidates.places == [
            Place(branch=branch, shard=Shard(index=index)) for branch in ("laion", "coyo") for index in (0, 1)
        ]
        assert candidates.numbers.schema.equals(NUMBERS)
        assert candidates.starts.tolist() == [0, 7, 14, 14, 14]
        for place in range(4):
            names, numbers = candidates.names(place), candidates.numbers[candidates.rows(place)]
            assert names.schema.equals(NAMES)
            keys = names["key"].to_pylist()
            assert keys == sorted(keys)
            assert set(names["captions"].to_pylist()) <= {"new"}
            for sample, row in zip(names["sample_id"].to_pylist(), numbers.to_pylist(), strict=True):
                word = int(sample, 16)
                assert (row["sample_id"], row["file"], row["looks"]) == (word, word, int(sample[::-1], 16))
                assert row["aesthetic"] == 6.5


def test_nothing_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with MergeCandidates(given(tmp_path)):
        assert list((tmp_path / "temporary").iterdir())
    assert list((tmp_path / "temporary").iterdir()) == []


def test_one_name_is_a_mix_of_one() -> None:
    assert weights_of("new") == {"new": 1.0}
    assert weights_of({"a": 1.0, "b": 2.0}) == {"a": 1.0, "b": 2.0}
