"""A captioner that really looks at its images, and images for it to look at."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image

from captioning.captioner import Caption, Captioner, FinishReason, Sampling, prompt_hash
from tests.captioning.shards import jpeg

COLOURS = {"red": (200, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 200)}


@dataclass(kw_only=True)
class ColourCaptioner(Captioner):
    """Says which channel of an image is the brightest; of a black image, nothing.

    Args:
        greedy: colour to what it says of it instead, while it does not sample.
        sampled: colour to what it says of it on each retry, one after the other.
        room: images at once that its memory holds.
        refused: colour about which it says nothing at all.
    """

    model: str = "colour-1"
    greedy: dict[str, str] = field(default_factory=dict)
    sampled: dict[str, list[str]] = field(default_factory=dict)
    room: int = 99
    refused: str = ""
    batches: list[int] = field(default_factory=list, init=False)
    asked: list[tuple[str, str, int | None]] = field(default_factory=list, init=False)
    ready: bool = field(default=False, init=False)

    def setup(self) -> None:
        self.ready = True

    def caption(
        self, images: Sequence[Image.Image], prompts: Sequence[str], *, sampling: Sampling | None = None
    ) -> list[Caption]:
        assert self.ready
        assert {image.mode for image in images} == {"RGB"}
        self.batches.append(len(images))
        if len(images) > self.room:
            raise torch.OutOfMemoryError("out of memory")
        seeds = sampling.seeds if sampling else [None] * len(images)
        rows = zip(images, prompts, seeds, strict=True)
        return [self._describe(np.asarray(image).mean((0, 1)), prompt, drawn) for image, prompt, drawn in rows]

    def _describe(self, mean: np.ndarray, prompt: str, drawn: int | None) -> Caption:
        colour = "black" if mean.max() < 10 else list(COLOURS)[int(mean.argmax())]
        text, finish_reason = (" \n", "stop") if colour == "black" else (f"All  of it\nis {colour}. ", "length")
        if drawn is None:
            text = self.greedy.get(colour, text)
        elif colour in self.sampled:
            before = sum(seen == colour and given is not None for seen, _, given in self.asked)
            text = self.sampled[colour][before]
        self.asked.append((colour, prompt, drawn))
        return self._say(prompt, *(("", "refused") if colour == self.refused else (text, finish_reason)))

    def _say(self, prompt: str, text: str, finish_reason: FinishReason) -> Caption:
        return Caption(
            text=text,
            finish_reason=finish_reason,
            tokens=5,
            model=self.model,
            revision="r1",
            prompt_hash=prompt_hash(prompt),
        )


def colours(*names: str) -> dict[str, bytes]:
    """Images with the keys a, b, ..."""
    return {chr(ord("a") + place): jpeg(COLOURS.get(name, 0)) for place, name in enumerate(names)}
