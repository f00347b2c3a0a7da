"""Images become square pixels in [-1, 1], cut where they should be."""

import io
import random

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.training import tiny
from training.images import Crop, decode_image


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def ramp(width: int, height: int) -> bytes:
    """Columns of brightness 0, 1, 2, ... from left to right."""
    return png(np.broadcast_to(np.arange(width, dtype=np.uint8)[None, :, None], (height, width, 3)).copy())


def columns(pixels: Tensor) -> list[int]:
    return [round(value) for value in ((pixels[0, 0] + 1) * 127.5).tolist()]


def decode(content: bytes, resolution: int, crop: Crop = "center", seed: int = 0) -> Tensor:
    return decode_image(content, resolution, crop, random.Random(seed))


def test_black_is_minus_one_and_white_is_one() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:2, :, 0] = 255
    out = decode(png(pixels), 4)
    assert out.dtype == torch.float32
    assert out[0, :2].unique().tolist() == [1.0]
    assert out[0, 2:].unique().tolist() == out[1:].unique().tolist() == [-1.0]


def test_the_middle_is_cut_by_default() -> None:
    out = decode(ramp(20, 8), 8)
    assert out.shape == (3, 8, 8)
    assert columns(out) == list(range(6, 14))


def test_a_random_crop_is_a_function_of_its_source_and_moves() -> None:
    starts = [columns(decode(ramp(20, 8), 8, "random", seed))[0] for seed in range(40)]
    assert starts == [columns(decode(ramp(20, 8), 8, "random", seed))[0] for seed in range(40)]
    assert min(starts) == 0
    assert max(starts) == 12


@pytest.mark.parametrize(("width", "height"), [(24, 16), (16, 24), (33, 1000), (8, 8), (7, 5)])
def test_the_shorter_side_is_scaled_to_the_resolution(width: int, height: int) -> None:
    out = decode(tiny.picture("white", width, height), 16)
    assert out.shape == (3, 16, 16)
    assert out.abs().max() <= 1


def test_a_picture_keeps_its_proportions() -> None:
    out = decode(tiny.picture("white", width=80, height=40), 20)
    lit = (out[0] > 0).float()
    assert lit.sum(dim=0).max() == 10  # half of the height
    assert lit.sum(dim=1).max() == 20  # half of twice the height


def test_grey_images_become_rgb() -> None:
    assert decode(png(np.full((4, 4), 255, np.uint8)), 4).unique().tolist() == [1.0]


@pytest.mark.parametrize("content", [b"", b"not an image", tiny.picture("red")[:200]])
def test_what_is_no_whole_image_is_an_error(content: bytes) -> None:
    with pytest.raises(OSError, match=r"(?i)cannot identify|truncated"):
        decode(content, 8)
