"""What the recaptioning stage asks of a vision-language model: images and prompts in, captions out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PIL.Image import Image

FinishReason = Literal["stop", "length"]
"""Why a text ends: the model ended it, or it ran into the length cap."""


@dataclass(frozen=True, kw_only=True)
class Caption:
    """What a model wrote about one image.

    Args:
        text: as generated, special tokens left out.
        finish_reason: "stop" where the model ended the text, "length" where the cap did.
        tokens: tokens of the text, the one that ends it not counted.
    """

    text: str
    finish_reason: FinishReason
    tokens: int


class Captioner(ABC):
    """A vision-language model that describes images.

    A captioner is a keyword-only dataclass: its fields are its settings. It is pickled to its workers before
    `setup`, so a constructor stores settings and loads nothing.
    """

    model: str
    """The model's identity, recorded beside every caption: a folder or the name under which it is served."""

    def check(self) -> None:  # noqa: B027 (not every captioner has something to check)
        """Look at the settings once, before any worker starts; raise ValueError for what cannot work."""

    def setup(self) -> None:  # noqa: B027 (not every captioner loads something)
        """Once a worker, before its first images: load the model."""

    @abstractmethod
    def caption(self, images: Sequence[Image], prompts: Sequence[str]) -> list[Caption]:
        """Describe `images[i]` as `prompts[i]` asks, in order; an image and its caption don't depend on the others.

        Raises:
            ValueError: the two differ in length.
        """
