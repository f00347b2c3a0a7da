"""Settings of images: their bounds, and the resizer that they make."""

import pytest

from curation.download.decoding import ImageLimits
from curation.download.image_settings import ImageSettings
from curation.download.resizer import Resizer


@pytest.mark.parametrize(
    "settings",
    [
        *[{"quality": 0}, {"quality": 96}, {"min_size": 0}, {"min_size": 1025}, {"max_aspect_ratio": 0.5}],
        *[{"max_area": 0}, {"max_area": 200_000_000}],
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, float]) -> None:
    name, value = next(iter(settings.items()))
    with pytest.raises(ValueError, match=f"image.{name}={value}"):
        ImageSettings(**settings)  # type: ignore[arg-type]


def test_every_setting_reaches_the_resizer() -> None:
    settings = ImageSettings(size=48, quality=80, min_size=16, max_area=10_000, max_aspect_ratio=3.0, animated="reject")
    limits = ImageLimits(min_size=16, max_area=10_000, max_aspect_ratio=3.0, animated="reject")
    assert settings.resizer() == Resizer(image_size=48, quality=80, limits=limits)


def test_the_defaults_are_the_limits_own() -> None:
    assert ImageSettings().resizer() == Resizer()
