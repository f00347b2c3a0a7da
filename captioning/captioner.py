"""What the recaptioning stage asks of a vision-language model: images and prompts in, captions out."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PIL.Image import Image

FinishReason = Literal["stop", "length", "loop", "refused"]
"""Why a text ends: the model ended it, it ran into the length cap, it was stopped because it repeated itself, or the
model would not answer this image or prompt at all (a prompt over its context, a server's filter)."""


@dataclass(frozen=True, kw_only=True)
class Caption:
    """What a model wrote about one image.

    Args:
        text: as generated, special tokens left out.
        finish_reason: why it ends.
        tokens: of the text, the one that ends it not counted; None where the engine does not say.
        model: the captioner's `model`.
        revision: which weights those were: a commit, or a hash of what is in the folder; None where nobody says.
        prompt_hash: of the prompt, by `prompt_hash`.
    """

    text: str
    finish_reason: FinishReason
    tokens: int | None
    model: str
    revision: str | None
    prompt_hash: str


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How to draw tokens instead of taking the likeliest.

    Args:
        seeds: one for each row of the batch: what a row says depends on its own seed and on no other row.
        temperature: what logits are divided by.
        top_p: only the likeliest tokens that together reach this probability are drawn from.

    Raises:
        ValueError: the temperature is not positive, or top_p is not in (0, 1].
    """

    seeds: tuple[int, ...]
    temperature: float = 0.7
    top_p: float = 0.9

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"temperature is {self.temperature}: expected more than 0")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}: expected more than 0 and at most 1")


class Captioner(ABC):
    """A vision-language model that describes images.

    A captioner is a keyword-only dataclass: its fields are its settings. It is pickled to its workers before
    `setup`, so a constructor stores settings and loads nothing.
    """

    model: str
    """The model's identity, recorded beside every caption: a folder or the name under which it is served."""

    def check(self) -> None:  # noqa: B027 (not every captioner has something to check)
        """Look at the settings once, before any worker starts; raise ValueError for what cannot work."""

    def loads(self) -> Sequence[str]:
        """The weights that captions depend on, files and folders by path; none where they are somebody else's."""
        return ()

    def setup(self) -> None:  # noqa: B027 (not every captioner loads something)
        """Once a worker, before its first images: load the model."""

    @abstractmethod
    def caption(
        self, images: Sequence[Image], prompts: Sequence[str], *, sampling: Sampling | None = None
    ) -> list[Caption]:
        """Describe `images[i]` as `prompts[i]` asks, in order; an image and its caption don't depend on the others.

        Args:
            images: of any mode and size.
            prompts: one for each image.
            sampling: how to draw tokens, with a seed for each image; without it the likeliest are taken.

        Raises:
            ValueError: images, prompts and seeds differ in number.
        """


def check_batch(images: Sequence[Image], prompts: Sequence[str], sampling: Sampling | None) -> None:
    """Make sure that every image has a prompt and, where tokens are drawn, a seed.

    Raises:
        ValueError: the numbers differ.
    """
    if len(images) != len(prompts):
        raise ValueError(f"{len(images)} images and {len(prompts)} prompts: expected a prompt for each image")
    if sampling and len(sampling.seeds) != len(images):
        raise ValueError(f"{len(images)} images and {len(sampling.seeds)} seeds: expected a seed for each image")


def prompt_hash(prompt: str) -> str:
    """64 bits of a hash of what the model was asked, as 16 hex digits."""
    return hashlib.blake2b(prompt.encode(), digest_size=8).hexdigest()
