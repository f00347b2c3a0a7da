"""The images that are judged: found by name, known by their content, cut into what is shown."""

import hashlib
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from curation import storage

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
WHOLE = ""
"""The crop that is the whole image."""
_THREADS = 4
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow's readers raise."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One image file.

    Args:
        path: where it is.
        sha256: of the file, in hex.
        size: width and height in pixels; None where it cannot be read.
    """

    path: str
    sha256: str
    size: tuple[int, int] | None


def find_images(folder: str) -> dict[str, str]:
    """Path of every image in `folder` by its key, the name up to its first dot.

    Raises:
        ValueError: there are none, or two have the same key.
    """
    found: dict[str, str] = {}
    for name in storage.names(folder):
        if not name.lower().endswith(SUFFIXES):
            continue
        key = name.split(".")[0]
        if key in found:
            raise ValueError(f"{folder}: both {found[key].rpartition('/')[2]} and {name} are images of {key!r}")
        found[key] = storage.join(folder, name)
    if not found:
        raise ValueError(f"{folder}: no images there; expected files that end in {', '.join(SUFFIXES)}")
    return found


def look(paths: Iterable[str]) -> list[Picture]:
    """Content and size of images, in order; every one is decoded, so that a broken one is known before it is shown."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="look") as pool:
        return list(pool.map(_look, paths))


def _look(path: str) -> Picture:
    with storage.open_read(path) as file:
        data = file.read()
    try:
        size = decode(data).size
    except _UNREADABLE:
        size = None
    return Picture(path=path, sha256=hashlib.sha256(data).hexdigest(), size=size)


def decode(data: bytes) -> Image.Image:
    """The RGB image in `data`.

    Raises:
        OSError, SyntaxError, ValueError, Image.DecompressionBombError: Pillow cannot read it.
    """
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


def read_image(path: str) -> Image.Image:
    """The RGB image at `path`.

    Raises:
        OSError, SyntaxError, ValueError, Image.DecompressionBombError: Pillow cannot read it.
    """
    with storage.open_read(path) as file:
        return decode(file.read())


def grid_crops(resolution: int, crops: int) -> list[str]:
    """The crops of a 2x2 grid: top left, top right, bottom left, bottom right, or the first so many of them.

    Args:
        resolution: side of one image, in pixels.
        crops: 1 to 4.
    """
    corners = [(0, 0), (resolution, 0), (0, resolution), (resolution, resolution)]
    boxes = [(left, top, left + resolution, top + resolution) for left, top in corners]
    return [",".join(map(str, box)) for box in boxes[:crops]]


def cut(image: Image.Image, crop: str) -> Image.Image:
    """What `crop` shows of an image: all of it, or the box `left,top,right,bottom`."""
    if crop == WHOLE:
        return image
    left, top, right, bottom = map(int, crop.split(","))
    return image.crop((left, top, right, bottom))
