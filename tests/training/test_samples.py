"""One sample: its parts, and one clear error for each that is missing or broken."""

import json
from pathlib import Path

import pytest

from tests.training.shards import jpeg, parts_of, write_shard
from training.captions import CaptionMixture
from training.errors import DataError, SettingsError
from training.samples import original_size, read_caption, read_details, read_square, require_captions
from training.tar_index import TarIndex

ALT = CaptionMixture(weights={"alt_text": 1})


def index(tmp_path: Path, parts: dict[str, bytes]) -> TarIndex:
    write_shard(tmp_path, 0, {"a": parts})
    return TarIndex(tmp_path / "00000.tar")


def test_a_caption_that_is_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"00000\.tar: the txt of sample a is no UTF-8 text"):
        read_caption(index(tmp_path, {"txt": b"\xff"}), 0, CaptionMixture())


def test_a_sample_is_its_square_its_caption_and_its_details(tmp_path: Path) -> None:
    tar = index(tmp_path, parts_of(100))
    square = read_square(tar, 0, 16, None)
    assert abs(int(square.pixels.mean()) - 100) <= 1
    assert read_caption(tar, 0, CaptionMixture()) == "caption 100"
    assert read_caption(tar, 0, ALT) == "alt 100"
    assert read_details(tar, 0)["original_height"] == 260


def test_a_sample_without_details_has_its_caption(tmp_path: Path) -> None:
    tar = index(tmp_path, {"jpg": jpeg(1), "txt": "gr\u00fcn".encode()})
    assert read_details(tar, 0) == {}
    assert read_caption(tar, 0, ALT) == "gr\u00fcn"


def test_a_missing_part_is_named_with_its_shard(tmp_path: Path) -> None:
    tar = index(tmp_path, {"json": b"{}"})
    with pytest.raises(ValueError, match=r"00000\.tar: sample a lacks its jpg"):
        read_square(tar, 0, 16, None)
    with pytest.raises(ValueError, match=r"00000\.tar: sample a lacks its txt"):
        read_caption(tar, 0, CaptionMixture())


def test_captions_of_a_name_that_no_sample_has_are_refused(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, {"a": {"json": b"{}"}, "b": {"json": b'{"alt_text": null, "url": "x"}'}})
    tar = TarIndex(tmp_path / "00000.tar")
    require_captions(tar, CaptionMixture())
    require_captions(tar, ALT)
    require_captions(tar, CaptionMixture(weights={"caption": 1, "alt_txt": 0}))
    with pytest.raises(SettingsError, match=r"has 'alt_txt' \(did you mean 'alt_text'\?\); found alt_text, capt"):
        require_captions(tar, CaptionMixture(weights={"caption": 1, "alt_txt": 1}))


@pytest.mark.parametrize("content", [b"", jpeg(1)[:200], b"GIF89a"])
def test_an_image_that_cannot_be_decoded_is_named(tmp_path: Path, content: bytes) -> None:
    tar = index(tmp_path, {**parts_of(1), "jpg": content})
    with pytest.raises(ValueError, match=r"00000\.tar: the image of sample a cannot be decoded"):
        read_square(tar, 0, 16, None)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[1]"])
def test_details_that_cannot_be_read_are_named(tmp_path: Path, content: bytes) -> None:
    tar = index(tmp_path, {**parts_of(1), "json": content})
    with pytest.raises(ValueError, match=r"00000\.tar: the json of sample a"):
        read_details(tar, 0)


def test_an_image_has_its_first_size_unless_it_is_enlarged() -> None:
    details = json.loads(parts_of(0)["json"])
    assert original_size((64, 96), details, 64) == (160, 240)
    assert original_size((64, 96), details, 65) == (64, 96)
    assert original_size((64, 96), {"original_width": 240, "original_height": None}, 64) == (64, 96)
