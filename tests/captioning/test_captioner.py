"""The captioner's interface."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, dataclass

import pytest
from PIL.Image import Image, new

from captioning.captioner import Caption, Captioner, Sampling, check_batch, prompt_hash


@dataclass(kw_only=True)
class Echo(Captioner):
    """Says the prompt."""

    model: str = "echo"

    def caption(
        self, images: Sequence[Image], prompts: Sequence[str], *, sampling: Sampling | None = None
    ) -> list[Caption]:
        check_batch(images, prompts, sampling)
        return [caption(prompt) for prompt in prompts]


def caption(text: str) -> Caption:
    return Caption(
        text=text, finish_reason="stop", tokens=2, model="echo", revision="1", prompt_hash=prompt_hash("What is it?")
    )


def test_a_captioner_has_to_caption_and_nothing_else() -> None:
    with pytest.raises(TypeError, match=r"abstract method '?caption"):
        Captioner()
    echo = Echo()
    echo.check()
    echo.setup()
    assert echo.model == "echo"


def test_captions_are_values() -> None:
    said = caption("a cat")
    assert said == caption("a cat")
    with pytest.raises(FrozenInstanceError):
        said.text = "a dog"


def test_a_prompts_hash_is_its_own_for_ever() -> None:
    assert prompt_hash("What is it?") == "f300208c8cd62a16"
    assert prompt_hash("What is it ?") != prompt_hash("What is it?")


def test_a_batch_has_a_prompt_and_a_seed_for_each_image() -> None:
    images = [new("L", (1, 1))] * 2
    check_batch(images, ["a", "b"], None)
    check_batch(images, ["a", "b"], Sampling(seeds=(1, 2)))
    with pytest.raises(ValueError, match="2 images and 1 prompts"):
        check_batch(images, ["a"], None)
    with pytest.raises(ValueError, match="2 images and 3 seeds"):
        check_batch(images, ["a", "b"], Sampling(seeds=(1, 2, 3)))


@pytest.mark.parametrize("settings", [{"temperature": 0.0}, {"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.1}])
def test_sampling_that_cannot_be_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(settings))} is"):
        Sampling(seeds=(1,), **settings)


def test_the_interface_needs_no_pytorch() -> None:
    modules = "captioning.captioner, captioning.recaption, captioning.keep_captions, captioning.engines"
    heavy = "('torch', 'transformers', 'aiohttp')"
    code = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
