import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import UsageError
from pipelines.report.text_files import LONGEST, read_texts


def write(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def jsonl(path: Path, *rows: object) -> str:
    return write(path, "".join(f"{json.dumps(row)}\n" for row in rows))


def refusal(path: str, column: str | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        list(read_texts(path, column))
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


def test_a_text_file_has_a_caption_a_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "\ufeffa cat\r\n\n  \nun élève\nlast without end")
    assert list(read_texts(path)) == ["a cat", "un élève", "last without end"]


def test_columns_are_found_by_name_in_every_format(tmp_path: Path) -> None:
    rows = [{"id": 1, "TEXT": "a cat"}, {"id": 2, "TEXT": None}, {"id": 3, "TEXT": "a\tdog"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert list(read_texts(str(tmp_path / "a.parquet"))) == ["a cat", "a\tdog"]
    assert list(read_texts(jsonl(tmp_path / "a.jsonl", *rows))) == ["a cat", "a\tdog"]
    assert list(read_texts(write(tmp_path / "a.csv", 'id,TEXT\n1,a cat\n2,\n3,"a, ""b"""\n'))) == ["a cat", 'a, "b"']
    assert list(read_texts(write(tmp_path / "a.tsv", "Prompt\tid\na cat\t1\n"))) == ["a cat"]


def test_a_column_can_be_named(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"caption": "old", "new": "a cat"}, {"caption": "old"})
    assert list(read_texts(path, "new")) == ["a cat"]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv"])
def test_a_wrong_column_is_answered_with_the_nearest(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.table({"caption": ["x"], "url": ["y"]}), path)
    elif suffix == "jsonl":
        jsonl(path, {"caption": "x", "url": "y"})
    else:
        write(path, "caption,url\nx,y\n")
    assert refusal(str(path), "captoin") == "no column 'captoin' (did you mean 'caption'?); it has caption, url"


def test_no_known_column_asks_for_one(tmp_path: Path) -> None:
    assert refusal(jsonl(tmp_path / "a.jsonl", {"a": "x", "b": "y"})) == (
        "no column caption, text or prompt; name one with --column: a, b"
    )


def test_files_without_captions_are_refused(tmp_path: Path) -> None:
    assert refusal(str(tmp_path / "nothing.txt")) == "no such file or folder"
    assert refusal(write(tmp_path / "empty.txt", "")).startswith("the file is empty; ")
    assert refusal(write(tmp_path / "blank.txt", "\n \n")) == "no captions in it, only empty ones"
    pq.write_table(pa.table({"caption": pa.array([None, ""], pa.string())}), tmp_path / "a.parquet")
    assert refusal(str(tmp_path / "a.parquet")) == "no captions in it, only empty ones"


def test_damaged_files_are_refused_by_the_line(tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "a.txt", b"a cat\ncaf\xe9\n")) == (
        "line 2 is not valid UTF-8 (byte 0xe9); save it as UTF-8"
    )
    assert refusal(write(tmp_path / "a.jsonl", '{"caption": "x"}\n{"caption"\n')).startswith("line 2 is not JSON")
    assert refusal(jsonl(tmp_path / "b.jsonl", ["x"])) == "line 1 is list; expected an object with a caption in it"
    assert refusal(jsonl(tmp_path / "c.jsonl", {"caption": 7})) == "line 1 has int in 'caption'; expected text"
    assert refusal(write(tmp_path / "a.parquet", "no parquet")).startswith("not a whole Parquet file")


def test_parquet_that_is_not_utf8_or_not_text_is_refused(tmp_path: Path) -> None:
    broken = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe"))
    pq.write_table(pa.table({"caption": broken}), tmp_path / "a.parquet")
    assert refusal(str(tmp_path / "a.parquet")).startswith("not valid UTF-8")
    pq.write_table(pa.table({"caption": [1]}), tmp_path / "b.parquet")
    assert refusal(str(tmp_path / "b.parquet")) == "column caption holds int64; expected text"


def test_a_caption_of_a_megabyte_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "a cat\n" + "x" * 1_000_000 + "\n")
    assert refusal(path).startswith(f"line 2 has a text of 1,000,000 characters, over the {LONGEST:,} ")
    assert list(read_texts(write(tmp_path / "b.txt", "x" * LONGEST))) == ["x" * LONGEST]


def test_a_text_file_has_no_columns(tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "a.txt", "a cat"), "caption").startswith(
        "a plain text file has no column 'caption'"
    )
