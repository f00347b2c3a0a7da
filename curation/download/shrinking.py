"""Shrinking by bicubic interpolation over the whole area, in integers: the same pixels on every machine.

Torch's kernel for bytes is the filter of Pillow's `resize` (bicubic with a = -0.5, widened by the scale) with weights
of 16 bits and vector instructions. All its variants, also the one without such instructions, add the same integers.
"""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

_CHANNELS = 4
"""Of a pixel in Pillow's memory, also where the image is RGB: the fourth is not used."""


def shrink(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Make `image` smaller.

    Args:
        image: mode RGB.
        size: width and height wanted, in pixels.
    """
    shrunk = resize_pixels(pixels(image), size).permute(0, 2, 3, 1)  # (1, h, w, 4)
    rows = pa.FixedSizeListArray.from_arrays(pa.array(shrunk.reshape(-1).numpy()), _CHANNELS)
    return Image.fromarrow(rows, "RGB", size)


def resize_pixels(image: "Tensor", size: tuple[int, int]) -> "Tensor":
    """Resize bytes (1, 4, H, W) to (1, 4, h, w), where `size` is (w, h)."""
    from torch.nn import functional as F

    return F.interpolate(image, size[::-1], mode="bicubic", antialias=True)


def pixels(image: Image.Image) -> "Tensor":
    """The pixels of an RGB image: bytes (1, 4, H, W), channels last, of which the fourth means nothing.

    They share the image's memory where Pillow keeps it in one piece, up to 16 MB, and are a copy elsewhere.
    """
    import torch

    try:
        rows = torch.utils.dlpack.from_dlpack(pa.array(image).flatten())
    except ValueError:  # "Image is in multiple array blocks"
        rows = torch.from_numpy(np.array(image.convert("RGBX")))
    return rows.view(1, image.height, image.width, _CHANNELS).permute(0, 3, 1, 2)
