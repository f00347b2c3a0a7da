"""The square that training sees: scale, cut, precision, and what is no image."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.training import tiny
from training.images import Square, decode_square, to_tensor


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def ramp(width: int, height: int) -> bytes:
    """Columns of brightness 0, 1, 2, ... from left to right."""
    return png(np.broadcast_to(np.arange(width, dtype=np.uint8)[None, :, None], (height, width, 3)).copy())


def photograph(width: int, height: int) -> bytes:
    """A JPEG with something at every scale down to some pixels."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / scale + turn) * np.cos(y / (scale + turn)) for turn, scale in enumerate((3.0, 11.0, 50.0))]
    pixels = np.clip(128 + 40 * np.stack(waves, -1), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def columns(square: Square) -> list[int]:
    return [int(value) for value in square.pixels[0, :, 0]]


def test_black_is_minus_one_and_white_is_one() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:2, :, 0] = 255
    out = to_tensor([decode_square(png(pixels), 4).pixels] * 2)
    assert out.shape == (2, 3, 4, 4)
    assert out.is_contiguous()
    assert out[1, 0, :2].unique().tolist() == [1.0]
    assert out[0, 0, 2:].unique().tolist() == out[:, 1:].unique().tolist() == [-1.0]


def test_the_middle_is_cut_by_default() -> None:
    square = decode_square(ramp(20, 8), 8)
    assert square.pixels.shape == (8, 8, 3)
    assert columns(square) == list(range(6, 14))
    assert (square.size, square.crop) == ((8, 20), (0, 6))


@pytest.mark.parametrize(("share", "left"), [(0.0, 0), (0.5, 6), (0.9999999, 12)])
def test_a_cut_elsewhere_is_told(share: float, left: int) -> None:
    square = decode_square(ramp(20, 8), 8, place=(0.3, share))
    assert columns(square) == list(range(left, left + 8))
    assert square.crop == (0, left)


def test_top_and_left_are_not_mixed_up() -> None:
    tall = png(np.ascontiguousarray(np.array(Image.open(io.BytesIO(ramp(20, 8)))).transpose(1, 0, 2)))
    square = decode_square(tall, 8, place=(0.5, 0.3))
    assert [int(value) for value in square.pixels[:, 0, 0]] == list(range(6, 14))
    assert (square.size, square.crop) == ((20, 8), (6, 0))


@pytest.mark.parametrize(("width", "height"), [(24, 16), (16, 24), (33, 1000), (8, 8), (7, 5)])
def test_the_shorter_side_is_scaled_to_the_resolution(width: int, height: int) -> None:
    square = decode_square(tiny.picture("white", width, height), 16)
    assert square.pixels.shape == (16, 16, 3)
    assert square.size == (height, width)


def test_a_picture_keeps_its_proportions() -> None:
    lit = decode_square(tiny.picture("white", width=80, height=40), 20).pixels[:, :, 0] > 127
    assert lit.sum(axis=0).max() == 10  # half of the height
    assert lit.sum(axis=1).max() == 20  # half of twice the height


@pytest.mark.parametrize("size", [(512, 384), (500, 401), (170, 128)])
def test_decoding_at_a_part_of_the_size_changes_little(size: tuple[int, int]) -> None:
    content = photograph(*size)
    full, draft = (decode_square(content, 64, place=(0.5, 0.5), draft=draft) for draft in (0, 1))
    assert (full.size, full.crop) == (draft.size, draft.crop)
    difference = full.pixels.astype(float) - draft.pixels
    assert np.abs(difference).max() > 0  # so the short way was taken
    assert 10 * np.log10(255**2 / (difference**2).mean()) > 40  # dB


def test_a_jpeg_of_less_than_twice_the_side_is_decoded_whole() -> None:
    content = photograph(127, 150)
    assert np.array_equal(decode_square(content, 64).pixels, decode_square(content, 64, draft=0).pixels)


def test_grey_images_become_rgb() -> None:
    assert np.unique(decode_square(png(np.full((4, 4), 255, np.uint8)), 4).pixels).tolist() == [255]


@pytest.mark.parametrize(
    "content", [b"", b"not an image", tiny.picture("red")[:200], png(np.zeros((9, 9), np.uint8))[:45]]
)
def test_what_is_no_whole_image_is_an_error(content: bytes) -> None:
    with pytest.raises(OSError, match=r"(?i)cannot identify|truncated|decoded"):
        decode_square(content, 8)
