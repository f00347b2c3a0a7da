import io
import tarfile
from pathlib import Path

import pytest
import webdataset
from hypothesis import given
from hypothesis import strategies as st

from curation.tar import SampleSpool, TarWriter, read_tar

SAMPLES = st.dictionaries(
    st.text("abc019", min_size=1, max_size=6),
    st.dictionaries(st.sampled_from(["jpg", "txt", "json"]), st.binary(max_size=2000), min_size=1),
    max_size=6,
)


def packed(samples: dict[str, dict[str, bytes]], order: list[str]) -> bytes:
    file = io.BytesIO()
    with SampleSpool() as spool:
        for key in order:
            spool.add(key, samples[key])
        assert len(spool) == len(samples)
        spool.write(file)
    return file.getvalue()


@given(samples=SAMPLES, data=st.data())
def test_the_bytes_depend_on_the_samples_and_not_on_their_order(
    samples: dict[str, dict[str, bytes]], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(sorted(samples)))
    direct = io.BytesIO()
    with TarWriter(direct) as tar:
        for key in sorted(samples):
            tar.write(key, samples[key])
    assert packed(samples, order) == direct.getvalue()


@given(samples=SAMPLES)
def test_samples_are_read_back(tmp_path_factory: pytest.TempPathFactory, samples: dict[str, dict[str, bytes]]) -> None:
    path = tmp_path_factory.mktemp("tar") / "0.tar"
    path.write_bytes(packed(samples, list(samples)))
    assert list(read_tar(str(path))) == [(key, samples[key]) for key in sorted(samples)]


def test_webdataset_reads_what_is_written(tmp_path: Path) -> None:
    samples = {"00001": {"jpg": b"one", "txt": b"first"}, "00000": {"jpg": b"zero", "txt": b""}}
    path = tmp_path / "0.tar"
    path.write_bytes(packed(samples, ["00001", "00000"]))
    read = [(sample["__key__"], sample["jpg"]) for sample in webdataset.WebDataset(str(path), shardshuffle=False)]
    assert read == [("00000", b"zero"), ("00001", b"one")]


def test_members_carry_no_time_and_no_owner(tmp_path: Path) -> None:
    path = tmp_path / "0.tar"
    path.write_bytes(packed({"a": {"jpg": b"x"}}, ["a"]))
    with tarfile.open(path) as tar:
        member = tar.getmembers()[0]
    assert (member.name, member.mtime, member.uid, member.uname, member.mode) == ("a.jpg", 0, 0, "", 0o444)


@pytest.mark.parametrize("key", ["a", "A", "b.c", "b/c"])
def test_a_key_out_of_order_or_with_a_dot_is_refused(key: str) -> None:
    with TarWriter(io.BytesIO()) as tar:
        tar.write("a", {"jpg": b""})
        with pytest.raises(ValueError, match="keys must rise"):
            tar.write(key, {"jpg": b""})


def test_a_key_that_comes_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="'a' came twice"):
        packed({"a": {"jpg": b""}}, ["a", "a"])


def test_a_truncated_tar_is_named(tmp_path: Path) -> None:
    path = tmp_path / "0.tar"
    path.write_bytes(packed({"a": {"jpg": b"x" * 5000}}, ["a"])[:3000])
    with pytest.raises(ValueError, match=r"0\.tar: not a whole tar"):
        list(read_tar(str(path)))
