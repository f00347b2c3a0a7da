"""From an encoded image to the pixels that the VAE reads."""

import io
import random
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

Crop = Literal["center", "random"]


def decode_image(content: bytes, resolution: int, crop: Crop, place: random.Random) -> Tensor:
    """Pixels (3, resolution, resolution) in [-1, 1] of an encoded image.

    The shorter side is scaled to `resolution`, then a square is cut from the longer one.

    Args:
        content: the file's bytes.
        resolution: side of the square, in pixels.
        crop: cut the middle, or a place that `place` draws.
        place: the source of random crops.

    Raises:
        OSError: the bytes are not a whole image.
    """
    image = Image.open(io.BytesIO(content)).convert("RGB")
    scale = resolution / min(image.size)
    width, height = (max(resolution, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    if crop == "random":
        left, top = place.randint(0, width - resolution), place.randint(0, height - resolution)
    else:
        left, top = (width - resolution) // 2, (height - resolution) // 2
    square = image.crop((left, top, left + resolution, top + resolution))
    pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1)  # (3, H, W)
    return pixels.float() / 127.5 - 1
