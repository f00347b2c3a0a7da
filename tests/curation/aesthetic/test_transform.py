"""CLIP's input, beside what open_clip makes of the same image."""

import numpy as np
import open_clip
import pytest
import skimage.data
import torch
from PIL import Image

from curation.aesthetic.transform import ClipTransform, make_transform

STEP = 1 / 255 / min(open_clip.OPENAI_DATASET_STD)
"""One of 255, in the channel that is stretched most."""

CONFIG = {"size": 32, "resize_mode": "shortest", "interpolation": "bicubic", "mean": (0.5, 0.4, 0.3), "std": (0.2,) * 3}
PHOTOGRAPH = Image.fromarray(skimage.data.coffee())  # 600 x 400


def own(image: Image.Image, size: int = 224) -> torch.Tensor:
    transformed: torch.Tensor = open_clip.image_transform(size, is_train=False)(image)
    return transformed


def ours(image: Image.Image, size: int = 224) -> torch.Tensor:
    return ClipTransform(size, open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)(image)


@pytest.mark.parametrize("size", [(600, 400), (400, 600), (301, 400), (225, 224), (224, 900), (100, 80), (501, 333)])
def test_a_photograph_is_within_two_steps_of_open_clips_and_nearly_everywhere_the_same(size: tuple[int, int]) -> None:
    image = PHOTOGRAPH.resize(size)
    difference = (ours(image) - own(image)).abs()
    assert ours(image).shape == (3, 224, 224)
    assert difference.max() < 2.01 * STEP
    assert (difference > 1e-6).float().mean() < 0.005


def test_what_needs_no_resizing_is_open_clips_to_the_bit() -> None:
    for size in ((224, 224), (301, 224), (224, 333)):
        image = PHOTOGRAPH.resize(size)
        assert torch.equal(ours(image), own(image))


def test_grey_and_odd_crops_are_open_clips() -> None:
    grey = PHOTOGRAPH.convert("L")
    assert (ours(grey) - own(grey)).abs().max() < 2.01 * STEP
    columns = Image.fromarray(np.tile(np.arange(227, dtype=np.uint8), (224, 1)))  # three columns too many
    assert torch.equal(ours(columns), own(columns))


def test_a_transform_of_another_kind_stays_open_clips() -> None:
    square = make_transform(CONFIG, own)
    assert isinstance(square, ClipTransform)
    expected = open_clip.image_transform(32, is_train=False, mean=CONFIG["mean"], std=CONFIG["std"])(PHOTOGRAPH)
    assert (square(PHOTOGRAPH) - expected).abs().max() < 2.01 / 255 / 0.2
    assert isinstance(make_transform({**CONFIG, "size": (32, 32)}, own), ClipTransform)
    for change in ({"size": (32, 48)}, {"resize_mode": "squash"}, {"interpolation": "bilinear"}):
        assert make_transform({**CONFIG, **change}, own) is own
