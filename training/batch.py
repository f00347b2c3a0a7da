"""What the data gives to a training step: images or their cached latents, captions or their cached features."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NotRequired, Self, TypedDict

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class TextFeatures:
    """The last hidden state of a frozen text encoder.

    Args:
        features: (B, L, D).
        mask: (B, L), true where a connector may look; None where it may look everywhere, padding included.
    """

    features: Tensor
    mask: Tensor | None = None

    def to(self, device: torch.device | str) -> Self:
        """The same on another device; Lightning calls this. Only a copy to the CPU is waited for."""
        waits = torch.device(device).type == "cpu"
        return self._each(lambda tensor: tensor.to(device, non_blocking=not waits))

    def pin_memory(self) -> Self:
        """The same in memory that a GPU can copy from by itself; the loader calls this."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        mask = None if self.mask is None else change(self.mask)
        return replace(self, features=change(self.features), mask=mask)


class Batch(TypedDict):
    """B pairs. Each has `pixels` or `moments`, and `captions` or `text` with `empty_text`.

    Keys:
        sample_ids: whose pairs these are.
        positions: (B,) where the pairs stand in the whole training, from 0; what a step draws follows from it.
        sizes: (B, 2) height and width of the original images, in pixels.
        crops: (B, 2) top and left of the square that was cut, in pixels of the scaled image.
        pixels: (B, 3, H, W) in [-1, 1].
        moments: (B, 2 C, h, w) mean and log variance that the VAE gave, unscaled.
        captions: B texts.
        text: what the text encoder gave for them.
        empty_text: what it gave for the empty caption, (1, L, D).
    """

    sample_ids: list[str]
    positions: Tensor
    sizes: Tensor
    crops: Tensor
    pixels: NotRequired[Tensor]
    moments: NotRequired[Tensor]
    captions: NotRequired[list[str]]
    text: NotRequired[TextFeatures]
    empty_text: NotRequired[TextFeatures]
