"""The resizer: sizes, bytes and errors as img2dataset expects them."""

import io

import numpy as np
import pytest
from PIL import Image

from curation.download.decoding import ImageLimits, decode
from curation.download.resizer import _REDUCED, Resizer
from tests.curation.download.test_decoding import encode, photo
from tests.curation.download.test_shrinking import PHOTOGRAPHS, lanczos, photograph, psnr

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


@pytest.mark.parametrize("scale", [6.1, 7, 13])
def test_a_jpeg_that_is_decoded_smaller_is_nearer_to_the_ideal_than_by_the_area_filter(scale: float) -> None:
    import cv2

    gained = []
    for name in PHOTOGRAPHS:
        content = encode(photograph(name), "JPEG", quality=90)
        whole = np.asarray(Image.open(io.BytesIO(content)))
        resizer = Resizer(image_size=int(min(whole.shape[:2]) / scale), limits=ImageLimits(min_size=8))
        decoded = decode(content, resizer.limits, _REDUCED * resizer.image_size)
        assert decoded.image.width < decoded.width, "this is about images that are decoded smaller"
        shrunk = resizer._shrink(decoded.image, decoded.width, decoded.height)
        ideal = lanczos(Image.fromarray(whole), shrunk.size)
        gained.append(psnr(shrunk, ideal) - psnr(cv2.resize(whole, shrunk.size, interpolation=cv2.INTER_AREA), ideal))
    assert np.mean(gained) > 1


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
