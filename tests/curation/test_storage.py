import os
import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest

from curation import storage


@pytest.fixture(params=["local", "file", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param != "memory":
        return f"{'file://' if request.param == 'file' else ''}{tmp_path}/set"
    root = f"memory://{tmp_path.name}"
    fsspec.filesystem("memory").store.clear()
    return root


def test_what_is_written_is_read_back_and_listed(folder: str) -> None:
    storage.write_json(storage.join(folder, "a", "b.json"), {"é": [1, None]})
    storage.write_text(storage.join(folder, "a", "c.txt"), "one\n")
    table = pa.table({"x": [1, 2]})
    storage.write_table(storage.join(folder, "a", "d.parquet"), table)

    assert storage.read_json(storage.join(folder, "a", "b.json")) == {"é": [1, None]}
    assert storage.read_text(storage.join(folder, "a", "c.txt")) == "one\n"
    assert storage.read_table(storage.join(folder, "a", "d.parquet")).equals(table)
    assert storage.names(storage.join(folder, "a")) == ["b.json", "c.txt", "d.parquet"]
    assert storage.names(storage.join(folder, "a"), ".txt") == ["c.txt"]
    assert storage.sizes(storage.join(folder, "a"))["c.txt"] == storage.size(storage.join(folder, "a", "c.txt")) == 4
    assert storage.glob(storage.join(folder, "a", "*.txt"))[0].endswith("a/c.txt")
    assert storage.exists(storage.glob(storage.join(folder, "a", "*.txt"))[0])


def test_a_folder_that_is_not_there_is_empty(folder: str) -> None:
    assert storage.names(storage.join(folder, "nothing")) == []
    assert storage.sizes(storage.join(folder, "nothing")) == {}
    assert not storage.exists(storage.join(folder, "nothing"))


def test_a_failed_write_leaves_the_old_file_and_nothing_else(folder: str) -> None:
    path = storage.join(folder, "file")
    storage.write_text(path, "old")

    def fail_in_the_middle() -> None:
        with storage.atomic_writer(path) as file:
            file.write(b"half of the new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_in_the_middle()
    assert storage.read_text(path) == "old"
    assert storage.names(folder) == ["file"]


def test_a_killed_writer_leaves_no_file_under_its_name_and_its_rest_is_removed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from curation import storage\n"
        "with storage.atomic_writer(sys.argv[1]) as file:\n"
        "    file.write(b'half'); file.flush(); print('written', flush=True); time.sleep(60)"
    )
    path = tmp_path / "deep" / "file"
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "written\n"
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()

    assert not path.exists()
    assert storage.names(str(path.parent)) == []
    assert storage.remove_unfinished(str(tmp_path)) == 1
    assert list(path.parent.iterdir()) == []


def test_a_missing_column_is_named_with_those_that_are_there(folder: str) -> None:
    path = storage.join(folder, "t.parquet")
    storage.write_table(path, pa.table({"x": [1], "y": [2]}))
    assert storage.read_table(path, ["y"]).column_names == ["y"]
    with pytest.raises(ValueError, match=r"t\.parquet: no column z; it has x, y"):
        storage.read_table(path, ["x", "z"])


def test_a_truncated_table_is_named(folder: str) -> None:
    path = storage.join(folder, "t.parquet")
    storage.write_table(path, pa.table({"x": [1]}))
    with storage.open_read(path) as file:
        half = file.read()[:-9]
    with storage.atomic_writer(path) as file:
        file.write(half)
    with pytest.raises(ValueError, match=r"t\.parquet: not a whole Parquet file"):
        storage.read_table(path)
