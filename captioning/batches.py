"""Batches that get smaller where the model runs out of memory."""

import logging
import sys
from collections.abc import Sequence
from dataclasses import replace

from PIL.Image import Image

from captioning.captioner import Caption, Captioner, Sampling

logger = logging.getLogger(__name__)


class ShrinkingBatches:
    """Asks a captioner in batches; a batch that does not fit its memory is halved, and the size stays there.

    Args:
        captioner: who is asked.
        size: images in a batch, to begin with.
    """

    def __init__(self, captioner: Captioner, size: int) -> None:
        self._captioner = captioner
        self.size = size

    def caption(
        self, images: Sequence[Image], prompts: Sequence[str], *, sampling: Sampling | None = None
    ) -> list[Caption]:
        """A caption for every image, in order.

        Raises:
            MemoryError: not even one image fits.
            ValueError: the captioner returned more or fewer captions than it was given images.
        """
        captions: list[Caption] = []
        while len(captions) < len(images):
            part = slice(len(captions), len(captions) + self.size)
            given = images[part]
            seeded = replace(sampling, seeds=sampling.seeds[part]) if sampling else None
            answers = self._try(given, prompts[part], seeded)
            if answers is None:
                self._shrink(len(given))
                continue
            if len(answers) != len(given):
                raise ValueError(f"{len(given)} images and {len(answers)} captions: expected one for each image")
            captions += answers
        return captions

    def _try(self, images: Sequence[Image], prompts: Sequence[str], sampling: Sampling | None) -> list[Caption] | None:
        try:
            return self._captioner.caption(images, prompts, sampling=sampling)
        except _out_of_memory():
            return None

    def _shrink(self, size: int) -> None:
        # Only here, with the error and the tensors that its frames hold gone, is there memory to give back.
        sys.modules["torch"].cuda.empty_cache()
        if size == 1:
            raise MemoryError(f"{self._captioner.model}: one image does not fit in the memory of the device")
        self.size = size // 2
        logger.warning("out of memory with %d images at once: going on with %d", size, self.size)


def _out_of_memory() -> tuple[type[BaseException], ...]:
    """PyTorch's error, where the captioner uses PyTorch at all."""
    torch = sys.modules.get("torch")
    return (torch.OutOfMemoryError,) if torch else ()
