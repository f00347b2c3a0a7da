"""Images found, known and cut."""

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from tests.training.evaluation.looking import COLOURS, save_grid
from training.evaluation.pictures import WHOLE, cut, find_images, grid_crops, look, read_image


def test_images_are_found_by_the_name_up_to_the_first_dot(tmp_path: Path) -> None:
    for name in ("0.png", "COCO 1.v2.JPG", "metadata.jsonl", ".tmp-x.png"):
        (tmp_path / name).write_bytes(b"")
    found = find_images(str(tmp_path))
    assert {key: Path(path).name for key, path in found.items()} == {"0": "0.png", "COCO 1": "COCO 1.v2.JPG"}


def test_two_images_of_one_key_and_none_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no images there"):
        find_images(str(tmp_path))
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"both a\.jpg and a\.png are images of 'a'"):
        find_images(str(tmp_path))


def test_an_image_is_known_by_its_content_and_a_broken_one_has_no_size(tmp_path: Path) -> None:
    save_grid(tmp_path / "whole.png", ["red", "green", "blue", "grey"])
    content = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.png").write_text("no image")
    whole, half, text = look(str(tmp_path / name) for name in ("whole.png", "half.png", "text.png"))
    assert (whole.size, whole.sha256) == ((16, 16), hashlib.sha256(content).hexdigest())
    assert (half.size, text.size) == (None, None)


def test_crops_are_the_four_images_in_reading_order(tmp_path: Path) -> None:
    colours = ["red", "green", "blue", "grey"]
    save_grid(tmp_path / "grid.png", colours, side=8)
    image = read_image(str(tmp_path / "grid.png"))
    parts = [cut(image, crop) for crop in grid_crops(8, 4)]
    assert [part.size for part in parts] == [(8, 8)] * 4
    assert [part.getextrema() for part in parts] == [tuple((c, c) for c in COLOURS[colour]) for colour in colours]
    assert grid_crops(8, 1) == ["0,0,8,8"]
    assert cut(image, WHOLE) is image


def test_every_image_is_shown_in_rgb(tmp_path: Path) -> None:
    Image.new("P", (4, 4)).save(tmp_path / "p.png")
    assert read_image(str(tmp_path / "p.png")).mode == "RGB"
