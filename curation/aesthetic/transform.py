"""What CLIP is shown of an image: open_clip's own transform, with the shrinking done on bytes by torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from curation.download.shrinking import pixels, resize_pixels

Transform = Callable[[Image.Image], Tensor]
"""An image to what a tower takes: (3, S, S), fp32, normalised."""


class ClipTransform:
    """The short edge to `size` by bicubic interpolation, then the middle square, then mean and standard deviation.

    It is the filter of Pillow that open_clip uses: of a photograph, a value in some hundreds differs, by 1 of 255 or 2.

    Args:
        size: of the square, in pixels.
        mean: of each channel, of values 0 to 1.
        std: likewise.
    """

    def __init__(self, size: int, mean: Sequence[float], std: Sequence[float]) -> None:
        self._size = size
        self._mean = torch.tensor(mean)[:, None, None]
        self._std = torch.tensor(std)[:, None, None]

    def __call__(self, image: Image.Image) -> Tensor:
        """The input (3, S, S), fp32, for one image."""
        shown = pixels(image if image.mode == "RGB" else image.convert("RGB"))  # (1, 4, H, W)
        short = min(image.size)
        if short != self._size:
            width, height = (int(self._size * edge / short) for edge in image.size)
            shown = resize_pixels(shown, (width, height))
        top, left = (round((edge - self._size) / 2) for edge in shown.shape[2:])
        square = shown[0, :3, top : top + self._size, left : left + self._size]
        return square.contiguous().float().div_(255).sub_(self._mean).div_(self._std)


def make_transform(config: Mapping[str, Any], own: Transform) -> Transform:
    """A `ClipTransform` where `config` describes that, and else `own`.

    Args:
        config: open_clip's `preprocess_cfg` of the model.
        own: what open_clip itself makes of it.
    """
    size = config["size"]
    height, width = (size, size) if isinstance(size, int) else size
    if height != width or (config["resize_mode"], config["interpolation"]) != ("shortest", "bicubic"):
        return own
    return ClipTransform(height, config["mean"], config["std"])
