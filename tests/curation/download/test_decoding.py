"""Decoding: what an image looks like afterwards, and which images there are none of."""

import io
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from curation.download.decoding import ImageLimits, _quiet, decode
from curation.download.rejection import RejectedError
from curation.reasons import Reason

LIMITS = ImageLimits(min_size=8, max_area=1_000_000, max_aspect_ratio=4.0)
RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)


def encode(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, format, **options)
    return encoded.getvalue()


def photo(width: int = 64, height: int = 48) -> Image.Image:
    """Smooth in both directions and in colour, as photographs are."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    channels = [127 + 120 * np.sin(5 * x + 2 * y), 255 * x, 255 * y]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


def reason(content: bytes, limits: ImageLimits = LIMITS) -> Reason:
    with pytest.raises(RejectedError) as caught:
        decode(content, limits)
    return caught.value.reason


def pixel(content: bytes, at: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    decoded = decode(content, LIMITS).image
    assert decoded.mode == "RGB"
    return decoded.getpixel(at)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is large and holds next to nothing."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(bytes(100)))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_every_format(format: str) -> None:
    decoded = decode(encode(photo(), format), LIMITS)
    assert (decoded.width, decoded.height) == decoded.image.size == (64, 48)
    difference = np.abs(np.asarray(decoded.image).astype(int) - np.asarray(photo()).astype(int))
    assert difference.mean() < 8


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, WHITE),
        ("L", 100, (100, 100, 100)),
        ("LA", (100, 0), WHITE),
        ("LA", (100, 255), (100, 100, 100)),
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (255, 0, 0, 128), (255, 127, 127)),
        ("RGBA", (255, 0, 0, 255), RED),
    ],
)
def test_modes_become_rgb_on_white(mode: str, colour: int | tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert pixel(encode(Image.new(mode, (16, 16), colour))) == expected


@pytest.mark.parametrize(("mode", "transparent"), [("RGB", RED), ("L", 76), ("P", 0)])
def test_a_transparent_colour_becomes_white(mode: str, transparent: int | tuple[int, ...]) -> None:
    image = Image.new("RGB", (16, 16), RED).convert(mode)
    assert pixel(encode(image, transparency=image.getpixel((0, 0)))) == WHITE


@pytest.mark.parametrize("value", [0, 255, 256, 20_000, 0x8000, 65_535])
def test_sixteen_bits_are_scaled_not_clipped(value: int) -> None:
    content = encode(Image.fromarray(np.full((16, 16), value, dtype=np.uint16)))
    assert pixel(content) == (value >> 8,) * 3


def test_sixteen_bit_colour_is_scaled() -> None:
    row = b"\x00" + struct.pack(">HHH", 65_535, 0x8000, 255) * 16
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(row * 16)) + png_chunk(b"IEND", b"")
    assert pixel(b"\x89PNG\r\n\x1a\n" + header + body) == (255, 128, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_exif_rotation_is_applied(orientation: int, format: str) -> None:
    """The stored image is made by undoing each rotation, so all decode to the same red corner."""
    upright = Image.new("RGB", (48, 32), "white")
    upright.paste(RED, (0, 0, 16, 16))
    undo = {
        1: lambda image: image,
        2: lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda image: image.rotate(180),
        4: lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
        6: lambda image: image.rotate(90, expand=True),
        7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
        8: lambda image: image.rotate(270, expand=True),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encode(undo[orientation](upright), format, exif=exif), LIMITS)
    assert (decoded.width, decoded.height) == decoded.image.size == (48, 32)
    assert np.abs(np.asarray(decoded.image).astype(int) - np.asarray(upright)).mean() < 3  # a wrong corner: 50 and more


def test_damaged_exif_costs_nothing() -> None:
    assert decode(encode(photo(), "JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff"), LIMITS).width == 64


def test_cmyk_becomes_rgb() -> None:
    content = encode(Image.new("CMYK", (16, 16), (255, 0, 255, 0)), "JPEG", quality=95)
    red, green, blue = pixel(content)
    assert green > 240
    assert max(red, blue) < 15


def _swapped_profile() -> bytes:
    """sRGB's profile with its red and green primaries exchanged: any use of it shows."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "tRGB".encode("utf-16-be"))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_colour_profile_is_applied(mode: str) -> None:
    content = encode(Image.new("RGB", (16, 16), (255, 51, 51)).convert(mode), icc_profile=_swapped_profile())
    np.testing.assert_allclose(pixel(content), (51, 255, 51), atol=4)


@pytest.mark.parametrize("profile", [b"nonsense", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()])
def test_a_profile_that_does_not_fit_is_ignored(profile: bytes) -> None:
    assert pixel(encode(Image.new("RGB", (16, 16), (250, 60, 60)), icc_profile=profile)) == (250, 60, 60)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(format: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN)]
    content = encode(frames[0], format, save_all=True, append_images=frames[1:], duration=50)
    np.testing.assert_allclose(pixel(content), RED, atol=4)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_rejected_where_the_policy_says_so(format: str) -> None:
    limits = replace(LIMITS, animated="reject")
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN)]
    moving = encode(frames[0], format, save_all=True, append_images=frames[1:], duration=50)
    assert reason(moving, limits) is Reason.ANIMATED
    assert decode(encode(frames[0], format), limits).width == 16


def test_a_preview_in_a_cameras_jpeg_is_no_animation() -> None:
    content = encode(photo(), "MPO", save_all=True, append_images=[photo(32, 24)])
    assert decode(content, replace(LIMITS, animated="reject")).width == 64


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1, 1), Reason.TOO_SMALL),
        ((7, 20), Reason.TOO_SMALL),
        ((33, 8), Reason.ASPECT_RATIO),
        ((8, 33), Reason.ASPECT_RATIO),
        ((10_000, 1), Reason.ASPECT_RATIO),
        ((1001, 1000), Reason.TOO_MANY_PIXELS),
    ],
)
def test_limits(size: tuple[int, int], expected: Reason) -> None:
    assert reason(encode(Image.new("L", size))) is expected


@pytest.mark.parametrize("size", [(8, 8), (32, 8), (8, 32), (1000, 1000)])
def test_the_limits_themselves_pass(size: tuple[int, int]) -> None:
    assert decode(encode(Image.new("L", size)), LIMITS).image.size == size


@pytest.mark.parametrize("size", [(10_000, 10_000), (20_000, 20_000)])
def test_a_bomb_is_refused_from_its_header(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(_: Image.Image) -> None:
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr(Image.Image, "load", decoded)
    assert reason(png_header(*size)) is Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html><html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF", bytes(100)]
)
def test_not_an_image(content: bytes) -> None:
    assert reason(content) is Reason.NOT_IMAGE


def test_a_format_that_is_not_on_the_list() -> None:
    assert reason(encode(photo(), "TIFF")) is Reason.NOT_IMAGE


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_truncated(format: str) -> None:
    content = encode(photo(256, 192), format)
    assert reason(content[: len(content) // 2]) is Reason.TRUNCATED


@pytest.mark.parametrize("damage", [lambda content: content[:20], lambda content: content[:4] + content[40:]])
def test_a_damaged_header_is_undecodable(damage: Callable[[bytes], bytes]) -> None:
    assert reason(damage(encode(photo(), "JPEG"))) is Reason.UNDECODABLE


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP"]), st.data())
def test_damage_is_decoded_or_rejected_and_nothing_else(format: str, data: st.DataObject) -> None:
    content = bytearray(encode(photo(24, 16), format))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(len(content) // 2, len(content)))]
    try:
        decoded = decode(bytes(content), LIMITS)
    except RejectedError:
        return
    assert decoded.image.mode == "RGB"


@pytest.mark.parametrize(("enough", "expected"), [(None, 600), (601, 600), (301, 600), (300, 300), (151, 300), (1, 75)])
def test_a_large_jpeg_is_decoded_at_no_less_than_is_enough(enough: int | None, expected: int) -> None:
    decoded = decode(encode(photo(800, 600), "JPEG"), LIMITS, enough)
    assert (decoded.width, decoded.height) == (800, 600)
    assert min(decoded.image.size) == expected


def test_limits_are_checked_on_the_original_of_a_reduced_jpeg() -> None:
    with pytest.raises(RejectedError, match="too_many_pixels"):
        decode(encode(Image.new("L", (1001, 1000)), "JPEG"), LIMITS, enough=10)


def test_threads_leave_the_warnings_as_they_were() -> None:
    """Two that go in and come out crosswise, each with filters of its own, would leave the first one's behind."""
    before = list(warnings.filters)
    first, second = threading.Event(), threading.Event()

    def go_in_first() -> None:
        with _quiet:
            first.set()
            second.wait(20)
        first.set()

    def come_out_last() -> None:
        first.wait(20)
        with _quiet:
            first.clear()
            second.set()
            first.wait(20)
            assert warnings.filters != before, "one is still inside"

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(go_in_first), pool.submit(come_out_last)]:
            future.result()
    assert warnings.filters == before
