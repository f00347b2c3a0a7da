"""Bytes from anywhere to an upright sRGB image, with every limit checked before a pixel is decoded."""

import io
import re
import struct
import threading
import warnings
import zlib
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from PIL import Image, ImageCms

from curation.download.rejection import RejectedError
from curation.reasons import Reason

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
"""What web pages show. TIFF is left out: no browser but one shows it, and its decoder is the easiest to attack."""

PILLOW_MAX_AREA = 178_956_970
"""Pixels beyond which Pillow refuses to open a file by itself."""

_SIGNATURES = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n|GIF8|RIFF....WEBP", re.DOTALL)
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPPED = {5, 6, 7, 8}
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    EOFError,
    AttributeError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    ImageCms.PyCMSError,
)
"""What Pillow raises over damaged files."""
_ICC_SPACE = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
_ANIMATED = {"GIF", "WEBP", "PNG"}
"""Formats whose further frames move; in a camera's JPEG they are a preview or the other eye's view."""


@dataclass(frozen=True, kw_only=True)
class ImageLimits:
    """Which images are worth decoding.

    Args:
        min_size: smallest short edge, in pixels.
        max_area: largest width times height, in pixels.
        max_aspect_ratio: largest long edge over short edge.
        animated: whether an animation gives its first frame or is rejected.
    """

    min_size: int = 64
    max_area: int = 64_000_000
    max_aspect_ratio: float = 8.0
    animated: Literal["first_frame", "reject"] = "first_frame"


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """An image and what it was.

    Args:
        image: mode RGB, in sRGB, upright, without metadata; smaller than the original where `enough` allowed it.
        width: of the original, upright, in pixels.
        height: likewise.
    """

    image: Image.Image
    width: int
    height: int


class _Quiet:
    """No warnings while any thread is inside: the filters are the process's, and a thread's own would be mixed up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings(action="ignore")

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._filters = warnings.catch_warnings(action="ignore")
                self._filters.__enter__()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)


_quiet = _Quiet()


def decode(content: bytes, limits: ImageLimits, enough: int | None = None) -> Decoded:
    """Decode an image.

    An animation gives its first frame, where it is taken at all; transparency is laid on white; 16 bits are scaled
    to 8; CMYK and images with a colour profile are converted to sRGB.

    Args:
        content: a whole file.
        limits: checked on the header's sizes.
        enough: short edge that is enough for the caller, in pixels: a JPEG is decoded at a half, quarter or eighth
            where that leaves as much, at a fraction of the cost. Twice or thrice the size that the caller shrinks it
            to leaves the visible step to the caller's own filter.

    Raises:
        RejectedError: `not_image`, `too_small`, `aspect_ratio`, `too_many_pixels`, `animated`, `truncated`,
            `undecodable`.
    """
    with _quiet:  # Pillow warns of what becomes a rejection or doesn't matter
        image = _open(content)
        _check(image.size, limits)
        stored = image.size
        try:
            if limits.animated == "reject" and _is_animated(image):
                raise RejectedError(Reason.ANIMATED, f"a {image.format} of several frames")
            _draft(image, enough)
            image.load()
            orientation = _orientation(image)
            upright = _on_white(image)
            if orientation in _UPRIGHT:
                upright = upright.transpose(_UPRIGHT[orientation])
            upright.info = {}  # Pillow would write a JPEG's comment into the next one
        except _DECODER_ERRORS as error:
            raise _damaged(error) from error
    width, height = reversed(stored) if orientation in _SWAPPED else stored
    return Decoded(image=upright, width=width, height=height)


def _open(content: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise RejectedError(Reason.TOO_MANY_PIXELS, f"over {PILLOW_MAX_AREA} pixels") from error
    except _DECODER_ERRORS as error:
        if _SIGNATURES.match(content):
            raise RejectedError(Reason.UNDECODABLE, "the image's header is damaged") from error
        said = "the body is empty" if not content else f"the body is none of {', '.join(FORMATS)}"
        raise RejectedError(Reason.NOT_IMAGE, said) from error


def _check(size: tuple[int, int], limits: ImageLimits) -> None:
    short, long = sorted(size)
    said = f"{size[0]} x {size[1]} pixels"
    if short * long > limits.max_area:
        raise RejectedError(Reason.TOO_MANY_PIXELS, f"{said}, over {limits.max_area} in all")
    if long > limits.max_aspect_ratio * short:
        raise RejectedError(Reason.ASPECT_RATIO, f"{said}, over {limits.max_aspect_ratio:g} to 1")
    if short < limits.min_size:
        raise RejectedError(Reason.TOO_SMALL, f"{said}, short edge under {limits.min_size}")


def _is_animated(image: Image.Image) -> bool:
    return image.format in _ANIMATED and bool(getattr(image, "is_animated", False))


def _draft(image: Image.Image, enough: int | None) -> None:
    if enough is None:
        return
    scale = enough / min(image.size)
    if scale < 1:
        image.draft(None, (int(image.width * scale), int(image.height * scale)))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _DECODER_ERRORS:
        return 1  # damaged metadata around a sound image


def _on_white(image: Image.Image) -> Image.Image:
    colour, alpha = _split(_eight_bits(image))
    rgb = _to_srgb(colour, image.info.get("icc_profile"))
    if alpha is None:
        return rgb
    return Image.composite(rgb, Image.new("RGB", rgb.size, "white"), alpha)


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey as its high byte, which is what Pillow itself makes of 16-bit colour; its `convert` would clip."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 0xFFFF) >> 8).astype(np.uint8))


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours in mode L, RGB or CMYK, and the alpha channel where there is one."""
    if image.mode == "LA":
        return image.getchannel("L"), image.getchannel("A")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return rgba.convert("RGB"), rgba.getchannel("A")
    if image.mode == "1":
        return image.convert("L"), None
    return (image if image.mode in _ICC_SPACE else image.convert("RGB")), None


def _to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    if icc:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            if profile.profile.xcolor_space == _ICC_SPACE[image.mode] and not _is_srgb(profile):
                srgb = ImageCms.createProfile("sRGB")
                return cast(Image.Image, ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB"))
        except _DECODER_ERRORS:
            pass  # a damaged profile around a sound image: take the colours as they are
    return image if image.mode == "RGB" else image.convert("RGB")  # which would copy


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    return "sRGB" in (profile.profile.profile_description or "")


def _damaged(error: BaseException) -> RejectedError:
    ends_early = "truncated" in str(error).lower()
    return RejectedError(Reason.TRUNCATED if ends_early else Reason.UNDECODABLE, f"{error}" or type(error).__name__)
