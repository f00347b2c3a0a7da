"""Copies of remote files: made once, whole, and no more of them than fit."""

import fcntl
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from training.fetch import GIB, LocalCopies


@pytest.fixture
def remote() -> str:
    """A folder on another file system, with three files of 1,000 bytes."""
    folder = f"memory://{uuid.uuid4().hex}"
    for name in "abc":
        fsspec.filesystem("memory").pipe(f"{folder}/{name}.tar", name.encode() * 1000)
    return folder


def names(folder: Path) -> set[str]:
    return {path.name.partition("-")[2] for path in folder.iterdir() if path.suffix == ".tar"}


def test_what_is_here_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"x")
    copies = LocalCopies(folder=str(tmp_path / "copies"))
    assert copies.local(str(tmp_path / "x.tar")) == tmp_path / "x.tar"
    assert not (tmp_path / "copies").exists()


def test_a_remote_file_is_copied_once(tmp_path: Path, remote: str) -> None:
    copies = LocalCopies(folder=str(tmp_path))
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(copies.local, [f"{remote}/a.tar"] * 8))
    assert len(found) == 1
    assert found.pop().read_bytes() == b"a" * 1000
    fsspec.filesystem("memory").pipe(f"{remote}/a.tar", b"b" * 1000)  # of the same size: the copy is taken
    assert copies.local(f"{remote}/a.tar").read_bytes() == b"a" * 1000


def test_a_file_of_another_size_is_copied_anew(tmp_path: Path, remote: str) -> None:
    copies = LocalCopies(folder=str(tmp_path))
    copies.local(f"{remote}/a.tar")
    fsspec.filesystem("memory").pipe(f"{remote}/a.tar", b"new")
    assert copies.local(f"{remote}/a.tar").read_bytes() == b"new"


def test_the_copy_used_longest_ago_makes_room(tmp_path: Path, remote: str) -> None:
    copies = LocalCopies(folder=str(tmp_path), gib=2500 / GIB)
    for age, name in ((300, "a"), (200, "b")):
        os.utime(copies.local(f"{remote}/{name}.tar"), (1e9 - age, 1e9 - age))
    copies.local(f"{remote}/a.tar")  # used again, so b is the oldest
    copies.local(f"{remote}/c.tar")
    assert names(tmp_path) == {"a.tar", "c.tar"}


def test_a_copy_that_another_process_looks_up_is_left(tmp_path: Path, remote: str) -> None:
    copies = LocalCopies(folder=str(tmp_path), gib=1500 / GIB)
    in_use = copies.local(f"{remote}/a.tar")
    with Path(f"{in_use}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        copies.local(f"{remote}/b.tar")
    assert names(tmp_path) == {"a.tar", "b.tar"}
    copies.local(f"{remote}/c.tar")
    assert names(tmp_path) == {"c.tar"}


def test_a_missing_file_leaves_nothing(tmp_path: Path, remote: str) -> None:
    with pytest.raises(FileNotFoundError):
        LocalCopies(folder=str(tmp_path)).local(f"{remote}/none.tar")
    assert names(tmp_path) == set()
