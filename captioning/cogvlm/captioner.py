"""CogVLM as a captioner: the settings that a configuration gives it, and nothing of PyTorch until it is set up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PIL.Image import Image

from captioning.captioner import Caption, Captioner
from captioning.cogvlm.config import Template
from captioning.cogvlm.config_json import read_config
from curation.stage import execution


@dataclass(kw_only=True)
class CogVLMCaptioner(Captioner):
    """Captions from CogVLM or CogVLM2, decoded greedily.

    Args:
        model: folder of the checkpoint: config.json, and safetensors in the published layout.
        tokenizer: folder or hub name; by default lmsys/vicuna-7b-v1.5 for CogVLM, the model's folder for CogVLM2.
        template: how the prompt is put to the model; by default as config.json's template_version says.
        max_new_tokens: cap on a caption's tokens.
        dtype: type of the weights and of the arithmetic.
        device: "cpu", "cuda", "cuda:1", ..., or "auto": a GPU where there is one.
    """

    model: str
    tokenizer: str | None = None
    template: Template | None = None
    max_new_tokens: int = 160
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    device: str = execution("auto")

    def check(self) -> None:
        """Read config.json; raise ValueError where it, or a setting, cannot work."""
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens is {self.max_new_tokens}: expected at least 1")
        read_config(self.model)

    def setup(self) -> None:
        """Load tokenizer and weights.

        Raises:
            ValueError: one of them is incomplete, or they do not belong together.
        """
        import torch

        from captioning.cogvlm.model import CogVLM
        from captioning.cogvlm.processing import load_tokenizer

        device = self.device if self.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        self._tokenizer = load_tokenizer(self.tokenizer, folder=self.model, config=read_config(self.model))
        self._model = CogVLM.from_pretrained(self.model, dtype=getattr(torch, self.dtype), device=device)

    def caption(self, images: Sequence[Image], prompts: Sequence[str]) -> list[Caption]:
        """Describe `images[i]` as `prompts[i]` asks, all in one batch.

        Raises:
            ValueError: the two differ in length, or a prompt is too long for the model.
        """
        from captioning.cogvlm.generation import generate
        from captioning.cogvlm.processing import decode, encode, preprocess

        if len(images) != len(prompts):
            raise ValueError(f"{len(images)} images and {len(prompts)} prompts: expected a prompt for each image")
        if not images:
            return []
        config = self._model.config
        template = self.template or config.template_version
        rows = generate(
            self._model,
            preprocess(images, config.vision_config.image_size),
            [encode(self._tokenizer, prompt, template) for prompt in prompts],
            max_new_tokens=self.max_new_tokens,
        )
        return [
            Caption(
                text=decode(self._tokenizer, row.tokens),
                finish_reason="stop" if row.ended else "length",
                tokens=len(row.tokens),
            )
            for row in rows
        ]
