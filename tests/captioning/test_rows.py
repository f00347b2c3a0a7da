"""The captions table."""

from pathlib import Path

import pytest

from captioning.rows import CaptionRow, check_name, kept_samples, write_captions
from curation import schemas, storage
from curation.dataset import Dataset
from curation.reasons import Reason
from tests.captioning.shards import SHARD, write_selection


def test_samples_are_those_kept_in_order_of_their_keys(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    write_selection(dataset, ["000", "003", "001", "002"], dropped=("001",))
    assert list(kept_samples(dataset, SHARD).items()) == [("000", "id-000"), ("002", "id-002"), ("003", "id-003")]


def test_rows_are_sorted_written_under_the_schema_and_conserved(tmp_path: Path) -> None:
    path = str(tmp_path / "captions.parquet")
    rows = [
        CaptionRow(key="002", sample_id="b", caption="A dog.", raw_caption="A dog. ", finish_reason="stop", tokens=3),
        CaptionRow(key="003", sample_id="c", flags=(Reason.NO_CAPTION,)),
        CaptionRow(key="001", sample_id="a", raw_caption=" ", flags=(Reason.EMPTY_CAPTION,), prompt="?", model="m"),
    ]
    result = write_captions(path, rows, seconds=1.5)
    assert (result.rows, result.kept, result.seconds) == (3, 1, 1.5)
    assert result.rejects == {"no_caption": 1, "empty_caption": 1}
    table = storage.read_table(path)
    assert table.schema.equals(schemas.CAPTIONS)
    assert table["key"].to_pylist() == ["001", "002", "003"]
    assert table["caption"].to_pylist() == [None, "A dog.", None]
    assert table["flags"].to_pylist() == [["empty_caption"], [], ["no_caption"]]
    assert table["prompt"].to_pylist() == ["?", None, None]


def test_the_result_counts_tokens_retries_rules_and_flags_of_captions_that_stand(tmp_path: Path) -> None:
    rows = [
        CaptionRow(key="1", sample_id="a", caption="A.", tokens=3, retries=2, rules=("prefix", "loop")),
        CaptionRow(key="2", sample_id="b", caption="B.", tokens=4, flags=(Reason.CAPTION_LOOP,), rules=("loop",)),
        CaptionRow(key="3", sample_id="c", tokens=5, retries=2, flags=(Reason.CAPTION_TOO_SHORT,)),
        CaptionRow(key="4", sample_id="d", flags=(Reason.UNDECODABLE,)),
    ]
    result = write_captions(str(tmp_path / "captions.parquet"), rows, seconds=1.0)
    assert result.rejects == {"caption_too_short": 1, "undecodable": 1}
    assert result.counts == {"tokens": 12, "retries": 4, "flagged caption_loop": 1, "rule prefix": 1, "rule loop": 2}


def test_no_rows_are_an_empty_table(tmp_path: Path) -> None:
    result = write_captions(str(tmp_path / "captions.parquet"), [], seconds=0.0)
    assert (result.rows, result.kept, result.rejects, result.counts) == (0, 0, {}, {})
    table = storage.read_table(str(tmp_path / "captions.parquet"))
    assert table.num_rows == 0
    assert table.schema.equals(schemas.CAPTIONS)


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\\b"])
def test_names_that_are_no_folders_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected the name of a folder below captions/"):
        check_name(name)


def test_names_of_folders_are_taken() -> None:
    check_name("cogvlm-v1.1")
