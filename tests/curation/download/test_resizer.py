"""The resizer: sizes, bytes and errors as img2dataset expects them."""

import io

import numpy as np
import pytest
from PIL import Image

from curation.download.decoding import ImageLimits
from curation.download.resizer import Resizer
from tests.curation.download.test_decoding import encode, photo

RESIZER = Resizer(image_size=64, quality=95, limits=ImageLimits(min_size=8, max_area=4_000_000))


def resize(content: bytes, resizer: Resizer = RESIZER) -> tuple[Image.Image, tuple[int, int], tuple[int, int]]:
    jpeg, width, height, original_width, original_height, error = resizer(io.BytesIO(content), None)
    assert error is None
    image = Image.open(io.BytesIO(jpeg))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (width, height))
    return image, (width, height), (original_width, original_height)


@pytest.mark.parametrize(
    ("original", "resized"),
    [
        ((256, 128), (128, 64)),
        ((128, 256), (64, 128)),
        ((100, 64), (100, 64)),
        ((30, 20), (30, 20)),
        ((65, 65), (64, 64)),
        ((1921, 1081), (114, 64)),
    ],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_the_short_edge_is_capped_and_never_enlarged(
    original: tuple[int, int], resized: tuple[int, int], format: str
) -> None:
    _, size, original_size = resize(encode(photo(*original), format))
    assert (size, original_size) == (resized, original)


def test_sizes_are_those_of_the_upright_image() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    _, size, original_size = resize(encode(photo(800, 400), "JPEG", exif=exif))
    assert (size, original_size) == ((64, 128), (400, 800))


def test_a_reduced_decode_looks_like_a_full_one() -> None:
    content = encode(photo(1600, 1200), "JPEG", quality=98)
    reduced, _, _ = resize(content)
    full = Image.open(io.BytesIO(content)).resize(reduced.size, Image.Resampling.BICUBIC)
    difference = np.abs(np.asarray(reduced).astype(int) - np.asarray(full).astype(int))
    assert difference.mean() < 1.5


def test_metadata_and_what_hangs_behind_the_image_are_gone() -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker of the camera"
    content = encode(photo(), "JPEG", exif=exif, comment=b"a comment") + b"appended archive"
    image, _, _ = resize(content)
    assert not image.getexif()
    assert "comment" not in image.info
    jpeg = RESIZER(io.BytesIO(content))[0]
    assert jpeg.endswith(b"\xff\xd9")


def test_quality_is_used_and_bytes_are_the_same_each_time() -> None:
    content = encode(photo())
    fine, fine_again = (RESIZER(io.BytesIO(content))[0] for _ in range(2))
    coarse = Resizer(image_size=64, quality=20, limits=RESIZER.limits)(io.BytesIO(content))[0]
    assert fine == fine_again
    assert len(coarse) < len(fine)


def test_an_edge_that_no_jpeg_holds_is_rejected() -> None:
    long = Resizer(image_size=64, limits=ImageLimits(min_size=1, max_aspect_ratio=1e6))
    error = long(io.BytesIO(encode(Image.new("L", (65_501, 10)))))[-1]
    assert error == "aspect_ratio: 65501 x 10 pixels, over what a JPEG holds"
    assert long(io.BytesIO(encode(Image.new("L", (65_500, 10)))))[-1] is None


def test_a_rejection_is_the_error() -> None:
    stream = io.BytesIO(b"<html>")
    assert RESIZER(stream) == (None,) * 5 + ("not_image: the body is none of JPEG, PNG, WEBP, GIF, BMP",)
    assert not stream.closed
