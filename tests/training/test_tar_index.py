"""Members of a tar by offset: equal to what a plain reader finds, and damage is named."""

import io
import tarfile
from pathlib import Path

import pytest

from curation.tar import read_tar
from tests.training.shards import parts_of, write_set, write_shard
from training.tar_index import TarIndex


def test_every_member_is_what_a_plain_reader_finds(tmp_path: Path) -> None:
    write_set(tmp_path, [7])
    index, expected = TarIndex(tmp_path / "00000.tar"), dict(read_tar(str(tmp_path / "00000.tar")))
    assert index.sample_ids == list(expected)
    for row, key in enumerate(index.sample_ids):
        assert {name: index.read(row, name) for name in ("jpg", "txt", "json")} == expected[key]


def test_tars_of_other_writers_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in (("a.jpg", b"1"), ("a.txt", b"22"), (f"{'b' * 150}.jpg", b"333"), ("c.txt", b"")):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), 1.5 if name == "a.txt" else 0
            tar.addfile(member, io.BytesIO(content))
    index = TarIndex(path)
    assert index.sample_ids == ["a", "b" * 150, "c"]
    assert [index.read(0, "jpg"), index.read(0, "txt"), index.read(1, "jpg"), index.read(2, "txt")] == [
        b"1", b"22", b"333", b""
    ]  # fmt: skip


def test_a_missing_member_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, {"a": parts_of(1), "b": {"jpg": b"x"}})
    index = TarIndex(tmp_path / "00000.tar", name="s3://bucket/00000.tar")
    assert index.has(0, "txt")
    assert not index.has(1, "txt")
    with pytest.raises(ValueError, match=r"^s3://bucket/00000.tar: sample b lacks its txt"):
        index.read(1, "txt")


def test_a_tar_of_nothing_has_no_samples(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, {})
    assert TarIndex(tmp_path / "00000.tar").sample_ids == []


@pytest.mark.parametrize("size", [0, 100, 512, 700, 5000])
def test_a_truncated_tar_is_named(tmp_path: Path, size: int) -> None:
    write_set(tmp_path, [9])
    path = tmp_path / "00000.tar"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"00000\.tar: not a whole tar"):
        TarIndex(path)


def test_what_is_no_tar_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(b"not a tar at all" * 100)
    with pytest.raises(ValueError, match=r"x\.tar: not a whole tar \(no header at byte 0 of 1600\)"):
        TarIndex(path)
