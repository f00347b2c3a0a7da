"""Backgrounds look as their descriptions say, in the colours and places that they name."""

import numpy as np
import pytest

from pipelines.miniature.backgrounds import paint_background
from pipelines.miniature.scenes import BACKGROUNDS, WHITE

SIZE = (240, 200)
NAMES = [background.name for background in (*BACKGROUNDS, WHITE)]


def _mean(name: str, top: float, bottom: float) -> tuple[float, float, float]:
    """Red, green and blue of a band of the picture, in fractions of its height."""
    pixels = np.asarray(paint_background(name, SIZE, seed=0), np.float64)
    red, green, blue = pixels[round(top * SIZE[1]) : round(bottom * SIZE[1])].mean(axis=(0, 1))
    return red, green, blue


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_picture(name: str) -> None:
    picture = paint_background(name, SIZE, seed=3)
    assert picture.size == SIZE
    assert picture.mode == "RGB"
    assert picture.tobytes() == paint_background(name, SIZE, seed=3).tobytes()


def test_another_seed_gives_another_picture() -> None:
    assert paint_background("night", SIZE, seed=3).tobytes() != paint_background("night", SIZE, seed=4).tobytes()


def test_meadow_is_blue_above_and_green_below() -> None:
    red, green, blue = _mean("meadow", 0, 0.4)
    assert blue > green > red
    red, green, blue = _mean("meadow", 0.6, 1)
    assert green > red + 30 > blue


def test_beach_is_blue_in_the_middle_and_yellow_below() -> None:
    red, green, blue = _mean("beach", 0.35, 0.58)
    assert blue > green > red
    red, green, blue = _mean("beach", 0.7, 1)
    assert red > green > blue + 40


def test_hills_are_green_under_a_yellow_sky() -> None:
    red, green, blue = _mean("hills", 0, 0.2)
    assert red > green > blue + 40
    red, green, blue = _mean("hills", 0.8, 1)
    assert green > max(red, blue) + 20


def test_sunset_runs_from_purple_to_orange() -> None:
    red, green, blue = _mean("sunset", 0, 0.1)
    assert blue > red > green
    red, green, blue = _mean("sunset", 0.9, 1)
    assert red > green > blue


@pytest.mark.parametrize("name", ["bricks", "planks"])
def test_bricks_and_planks_are_reddish_or_brown(name: str) -> None:
    red, green, blue = _mean(name, 0, 1)
    assert red > green > blue


@pytest.mark.parametrize(("name", "low", "high"), [("tiles", 175, 230), ("plaster", 185, 225), ("paper", 225, 252)])
def test_light_backgrounds_are_light_and_without_hue(name: str, low: float, high: float) -> None:
    channels = _mean(name, 0, 1)
    assert low < min(channels)
    assert max(channels) < high
    assert max(channels) - min(channels) < 4


def test_night_is_dark_with_white_stars() -> None:
    pixels = np.asarray(paint_background("night", SIZE, seed=0), np.float64)
    assert pixels.mean() < 45
    assert (pixels.min(axis=2) > 190).sum() > 30


def test_white_is_white() -> None:
    assert np.asarray(paint_background("white", SIZE, seed=0)).min() == 255


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'moon': expected one of meadow"):
        paint_background("moon", SIZE, seed=0)
