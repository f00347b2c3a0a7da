"""Captions that a source brings."""

from pathlib import Path

import pyarrow as pa
import pytest

from captioning.keep_captions import KeepCaptions
from curation import schemas, storage
from curation.dataset import Dataset
from tests.captioning.shards import SHARD, write_selection


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(str(tmp_path / "dataset"))


def write_urls(dataset: Dataset, captions: dict[str, object], column: str = "caption") -> None:
    """A row for each sample; keys are `id-<key>`, as in the selection."""
    table = pa.table({"sample_id": list(captions), column: list(captions.values())})
    storage.write_table(dataset.urls(SHARD), table)


def test_captions_are_matched_by_sample_and_taken_as_they_are(dataset: Dataset) -> None:
    write_urls(dataset, {"id-b": "Two\n dogs.", "id-x": "Not fetched.", "id-a": "A cat.", "id-c": "Dropped."})
    write_selection(dataset, ["a", "b", "c"], dropped=("c",))
    stage = KeepCaptions(name="own")
    stage.check(dataset)
    result = stage.process(dataset, SHARD)
    table = storage.read_table(dataset.captions("own", SHARD))
    assert table.schema.equals(schemas.CAPTIONS)
    assert table.to_pylist() == [
        {
            "key": key,
            "sample_id": f"id-{key}",
            "caption": caption,
            "raw_caption": raw,
            "finish_reason": "kept",
            "retries": 0,
            "tokens": None,
            "flags": [],
            "rules": [],
            "prompt": None,
            "prompt_hash": None,
            "model": None,
            "revision": None,
        }
        for key, caption, raw in (("a", "A cat.", "A cat."), ("b", "Two dogs.", "Two\n dogs."))
    ]
    assert (result.rows, result.kept, result.rejects) == (2, 2, {})


def test_images_without_a_caption_have_a_reason(dataset: Dataset) -> None:
    write_urls(dataset, {"id-a": None, "id-b": " ", "id-c": "A cat."}, column="text")
    write_selection(dataset, ["a", "b", "c", "d"])  # d has no row in urls/
    result = KeepCaptions(name="own", column="text").process(dataset, SHARD)
    rows = storage.read_table(dataset.captions("own", SHARD)).to_pylist()
    assert [(row["caption"], row["finish_reason"], row["flags"]) for row in rows] == [
        (None, None, ["no_caption"]),
        (None, None, ["no_caption"]),
        ("A cat.", "kept", []),
        (None, None, ["no_caption"]),
    ]
    assert (result.rows, result.kept, result.rejects) == (4, 1, {"no_caption": 3})


def test_a_shard_with_nothing_kept_is_an_empty_table(dataset: Dataset) -> None:
    write_urls(dataset, {"id-a": "A cat."})
    write_selection(dataset, ["a"], dropped=("a",))
    assert KeepCaptions(name="own").process(dataset, SHARD).rows == 0
    assert storage.read_table(dataset.captions("own", SHARD)).num_rows == 0


def test_check_refuses_a_column_that_is_not_there_or_holds_no_text(dataset: Dataset) -> None:
    KeepCaptions(name="own").check(dataset)  # nothing is planned yet
    write_urls(dataset, {"id-a": 1})
    with pytest.raises(ValueError, match=f"{dataset.urls(SHARD)}: column caption holds int64; expected text"):
        KeepCaptions(name="own").check(dataset)
    with pytest.raises(ValueError, match="no column prompt; it has sample_id, caption"):
        KeepCaptions(name="own", column="prompt").check(dataset)
    with pytest.raises(ValueError, match="name is ''"):
        KeepCaptions(name="").check(dataset)


def test_fills_a_folder_below_captions() -> None:
    stage = KeepCaptions(name="own")
    assert stage.folder == "captions/own"
    assert stage.output(Dataset("d"), SHARD) == "d/captions/own/00007.parquet"
    assert stage.resources.gpus == 0
