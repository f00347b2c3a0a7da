"""The captioner's interface."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, dataclass

import pytest
from PIL.Image import Image

from captioning.captioner import Caption, Captioner


@dataclass(kw_only=True)
class Echo(Captioner):
    """Says the prompt."""

    model: str = "echo"

    def caption(self, images: Sequence[Image], prompts: Sequence[str]) -> list[Caption]:
        return [Caption(text=prompt, finish_reason="stop", tokens=len(prompt.split())) for prompt in prompts]


def test_a_captioner_has_to_caption_and_nothing_else() -> None:
    with pytest.raises(TypeError, match=r"abstract method '?caption"):
        Captioner()
    echo = Echo()
    echo.check()
    echo.setup()
    assert echo.model == "echo"


def test_captions_are_values() -> None:
    caption = Caption(text="a cat", finish_reason="stop", tokens=2)
    assert caption == Caption(text="a cat", finish_reason="stop", tokens=2)
    with pytest.raises(FrozenInstanceError):
        caption.text = "a dog"


def test_the_interface_needs_no_pytorch() -> None:
    modules = "captioning.captioner, captioning.recaption, captioning.keep_captions"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
