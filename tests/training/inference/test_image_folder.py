"""A folder of images goes on where it stopped, and refuses what does not belong to it."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from training.errors import SettingsError
from training.inference.image_folder import ImageFolder
from training.inference.pictures import Grid, Picture, plan_pictures
from training.inference.prompts import numbered

SETTINGS = {"steps": 2, "connector": "0123"}


def plan(*texts: str, seed: int = 0) -> list[Picture]:
    return plan_pictures(numbered(texts), images=1, grid=Grid(), naming="id", seed=seed)


PICTURES = plan("a red ball", "ein grüner Würfel")


def opened(path: Path) -> ImageFolder:
    folder = ImageFolder(str(path), SETTINGS, {"paths": {"connector": "a"}})
    folder.open()
    return folder


def image(colour: str = "red") -> Image.Image:
    return Image.new("RGB", (16, 16), colour)


def test_what_is_written_is_not_missing_any_more(tmp_path: Path) -> None:
    folder = opened(tmp_path / "images")
    assert folder.missing(PICTURES) == PICTURES
    folder.write(PICTURES[1], image())
    assert opened(tmp_path / "images").missing(PICTURES) == PICTURES[:1]
    with Image.open(tmp_path / "images" / "00001.png") as written:
        assert written.getpixel((3, 3)) == (255, 0, 0)


def test_the_same_image_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        opened(tmp_path / name).write(PICTURES[0], image())
    assert (tmp_path / "one" / "00000.png").read_bytes() == (tmp_path / "two" / "00000.png").read_bytes()


@pytest.mark.parametrize("left", [0, 10, -20])
def test_a_damaged_image_is_missing(tmp_path: Path, left: int) -> None:
    folder = opened(tmp_path)
    folder.write(PICTURES[0], image())
    file = tmp_path / PICTURES[0].file
    os.truncate(file, left if left >= 0 else file.stat().st_size + left)
    assert folder.missing(PICTURES[:1]) == PICTURES[:1]


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    folder.write(PICTURES[0], image())
    file = tmp_path / PICTURES[0].file
    content = bytearray(file.read_bytes())
    content[content.index(b"IDAT") + 8] ^= 1
    file.write_bytes(content)
    assert folder.missing(PICTURES[:1]) == PICTURES[:1]


def test_changed_settings_are_refused_by_name(tmp_path: Path) -> None:
    opened(tmp_path).write(PICTURES[0], image())
    changed = ImageFolder(str(tmp_path), {"steps": 3, "connector": "0123"})
    with pytest.raises(SettingsError, match=r"made with other settings \(steps: 2 -> 3\); take another folder"):
        changed.open()
    ImageFolder(str(tmp_path), SETTINGS, {"paths": {"connector": "b"}}).open()  # the models may have been moved


def test_settings_may_change_while_there_is_no_image(tmp_path: Path) -> None:
    opened(tmp_path)
    ImageFolder(str(tmp_path), {"steps": 3}).open()
    assert json.loads((tmp_path / "settings.json").read_text())["settings"] == {"steps": 3}


def test_images_of_unknown_origin_are_not_mixed_with(tmp_path: Path) -> None:
    image().save(tmp_path / "00000.png")
    with pytest.raises(SettingsError, match=r"images without a settings\.json"):
        opened(tmp_path)


@pytest.mark.parametrize("other", [plan("a blue ball"), plan("a red ball", seed=1)])
def test_an_image_of_another_prompt_or_seed_is_not_taken_for_this_one(tmp_path: Path, other: list[Picture]) -> None:
    folder = opened(tmp_path)
    folder.write(other[0], image())
    with pytest.raises(SettingsError, match=r"00000\.png: expected an image of 'a red ball' with seeds"):
        folder.missing(PICTURES)


def test_a_foreign_image_under_a_name_of_ours_is_not_taken_for_it(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    image().save(tmp_path / "00000.png")
    with pytest.raises(SettingsError, match="found one of None"):
        folder.missing(PICTURES)


def test_the_metadata_describes_what_is_there(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    folder.write(PICTURES[1], image())
    folder.write_metadata(PICTURES)
    lines = [json.loads(line) for line in (tmp_path / "metadata.jsonl").read_text().splitlines()]
    assert lines == [
        {
            "file_name": "00001.png", "id": "00001", "prompt": "ein grüner Würfel",
            "seeds": list(PICTURES[1].seeds), "steps": 2, "connector": "0123", "paths": {"connector": "a"},
        }
    ]  # fmt: skip
