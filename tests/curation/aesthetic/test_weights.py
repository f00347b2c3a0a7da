"""The published file is checked, any other is taken as it is."""

from pathlib import Path

import pytest

from curation.aesthetic import weights
from curation.aesthetic.weights import read_weights


def test_a_file_of_ones_own_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "head.pth").write_bytes(b"mine")
    assert read_weights(str(tmp_path / "head.pth")) == b"mine"


def test_the_published_file_must_be_the_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "head.pth"
    monkeypatch.setattr(weights, "RELEASED_HEAD", str(path))
    monkeypatch.setattr(weights, "RELEASED_SHA256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    path.write_bytes(b"abc")
    assert read_weights(str(path)) == b"abc"
    path.write_bytes(b"abd")
    with pytest.raises(ValueError, match=r"head\.pth: SHA-256 is .*, expected ba7816bf"):
        read_weights(str(path))
