"""From an encoded image to the square that the VAE reads."""

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

Crop = Literal["center", "random"]

DRAFT = 1
"""A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that leaves this many times the square's side, or more.

The decoder then transforms only the low frequencies of each block, a filter of its own. Decoding 1024 pixels for 512
takes a quarter of the time, and the squares differ by less than a JPEG of quality 95 does from its original:
benchmarks/feeding.py measures both.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Square:
    """A square cut out of an image whose shorter side was scaled to the square's.

    Args:
        pixels: (R, R, 3), 8 bits a channel.
        size: height and width of the encoded image.
        crop: top and left of the square in the scaled image.
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    crop: tuple[int, int]


def decode_square(
    content: bytes, resolution: int, place: tuple[float, float] | None = None, draft: int = DRAFT
) -> Square:
    """The square that training sees of an encoded image.

    Args:
        content: the file's bytes.
        resolution: side of the square, R, in pixels.
        place: where to cut, as numbers in [0, 1) from top to bottom and left to right; the middle without.
        draft: see `DRAFT`; 0 decodes at full size, always.

    Raises:
        OSError: the bytes are not a whole image.
    """
    try:
        file = Image.open(io.BytesIO(content))
        original = file.size
        drafted = file.draft("RGB", (draft * resolution, draft * resolution)) if draft else None
        image = file.convert("RGB")
    except (SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OSError(f"no image that can be decoded: {error}") from error
    scale = resolution / min(original)
    width, height = (max(resolution, round(side * scale)) for side in original)
    covered = drafted[1] if drafted else None  # blocks at the right and lower edge reach over it
    image = image.resize((width, height), Image.Resampling.LANCZOS, box=covered)
    if place is None:
        top, left = (height - resolution) // 2, (width - resolution) // 2
    else:
        top, left = (int(share * (side - resolution + 1)) for share, side in zip(place, (height, width), strict=True))
    square = image.crop((left, top, left + resolution, top + resolution))
    return Square(pixels=np.asarray(square), size=(original[1], original[0]), crop=(top, left))


def to_tensor(squares: list[NDArray[np.uint8]]) -> Tensor:
    """Pixels (B, 3, R, R) in [-1, 1] of B squares (R, R, 3)."""
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous().float().div_(127.5).sub_(1)
