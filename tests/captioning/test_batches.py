"""Batches under a memory that is too small."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import torch
from PIL import Image

from captioning.batches import ShrinkingBatches
from captioning.captioner import Caption, Captioner, Sampling, prompt_hash

IMAGES = [Image.new("L", (1, 1), number) for number in range(10)]
PROMPTS = [f"prompt {number}" for number in range(10)]


@dataclass(kw_only=True)
class Small(Captioner):
    """Says pixel, prompt and seed; raises PyTorch's error over `room` images."""

    model: str = "small"
    room: int = 100
    lost: int = 0
    asked: list[int] = field(default_factory=list)

    def caption(
        self, images: Sequence[Image.Image], prompts: Sequence[str], *, sampling: Sampling | None = None
    ) -> list[Caption]:
        self.asked.append(len(images))
        if len(images) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        seeds = sampling.seeds if sampling else [None] * len(images)
        said = [
            Caption(
                text=f"{image.getpixel((0, 0))} {prompt} {seed}",
                finish_reason="stop",
                tokens=3,
                model=self.model,
                revision=None,
                prompt_hash=prompt_hash(prompt),
            )
            for image, prompt, seed in zip(images, prompts, seeds, strict=True)
        ]
        return said[self.lost :]


def test_a_batch_is_halved_until_it_fits_and_the_size_stays() -> None:
    captioner = Small(room=2)
    batches = ShrinkingBatches(captioner, 8)
    sampling = Sampling(seeds=tuple(range(100, 110)))
    said = batches.caption(IMAGES, PROMPTS, sampling=sampling)
    assert [caption.text for caption in said] == [f"{n} prompt {n} {100 + n}" for n in range(10)]
    assert captioner.asked == [8, 4, 2, 2, 2, 2, 2]
    batches.caption(IMAGES[:3], PROMPTS[:3])
    assert captioner.asked[-2:] == [2, 1]


def test_a_small_last_batch_that_does_not_fit_is_halved_from_its_own_size() -> None:
    captioner = Small(room=1)
    batches = ShrinkingBatches(captioner, 8)
    assert len(batches.caption(IMAGES[:3], PROMPTS[:3])) == 3
    assert captioner.asked == [3, 1, 1, 1]


def test_one_image_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(MemoryError, match="small: one image does not fit"):
        ShrinkingBatches(Small(room=0), 4).caption(IMAGES, PROMPTS)


def test_without_sampling_none_is_passed_on_and_no_images_are_no_question() -> None:
    captioner = Small()
    assert ShrinkingBatches(captioner, 4).caption([], []) == []
    assert captioner.asked == []
    assert ShrinkingBatches(captioner, 4).caption(IMAGES[:1], PROMPTS[:1])[0].text == "0 prompt 0 None"


def test_a_captioner_that_loses_one_is_caught() -> None:
    with pytest.raises(ValueError, match="4 images and 3 captions"):
        ShrinkingBatches(Small(lost=1), 4).caption(IMAGES, PROMPTS)


def test_other_errors_are_not_mistaken() -> None:
    with pytest.raises(ValueError, match="zip"):
        ShrinkingBatches(Small(), 4).caption(IMAGES[:2], PROMPTS[:1])
