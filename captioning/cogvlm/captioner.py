"""CogVLM as a captioner: the settings that a configuration gives it, and nothing of PyTorch until it is set up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from PIL.Image import Image

from captioning.captioner import Caption, Captioner, Sampling, check_batch, prompt_hash
from captioning.cogvlm.config import Template
from captioning.cogvlm.config_json import read_config
from curation.revision import folder_revision
from curation.stage import execution

if TYPE_CHECKING:
    from captioning.cogvlm.generation import Generation


@dataclass(kw_only=True)
class CogVLMCaptioner(Captioner):
    """Captions from CogVLM or CogVLM2, decoded greedily unless `caption` is told to sample.

    Give `caption` several times as many images as there are slots, so that none of them idles.

    Args:
        model: folder of the checkpoint: config.json, and safetensors in the published layout.
        tokenizer: folder or hub name; by default lmsys/vicuna-7b-v1.5 for CogVLM, the model's folder for CogVLM2.
        template: how the prompt is put to the model; by default as config.json's template_version says.
        max_new_tokens: cap on a caption's tokens.
        dtype: type of the weights and of the arithmetic.
        device: "cpu", "cuda", "cuda:1", ..., or "auto": a GPU where there is one.
        slots: captions that are written at once; each takes memory for its keys and values.
        threads: that resize images ahead of the model.
        acceleration: of decoding: "none", "compile" (PyTorch's compiler) or "cuda-graphs"; both pay off over many
            images.
    """

    model: str
    tokenizer: str | None = None
    template: Template | None = None
    max_new_tokens: int = 160
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    device: str = execution("auto")
    slots: int = execution(16)
    threads: int = execution(4)
    acceleration: Literal["none", "compile", "cuda-graphs"] = execution("none")

    def check(self) -> None:
        """Read config.json; raise ValueError where it, or a setting, cannot work."""
        for name in ("max_new_tokens", "slots", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: expected at least 1")
        if self.acceleration == "cuda-graphs" and self.device == "cpu":
            raise ValueError("acceleration is cuda-graphs and device is cpu: expected a GPU, or another acceleration")
        read_config(self.model)

    def loads(self) -> Sequence[str]:
        """The checkpoint, where it is a folder."""
        return (self.model,)

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
        self._revision = folder_revision(self.model)

    def caption(
        self, images: Sequence[Image], prompts: Sequence[str], *, sampling: Sampling | None = None
    ) -> list[Caption]:
        """Describe `images[i]` as `prompts[i]` asks; "refused" where the model has no room for prompt and caption.

        Raises:
            ValueError: images, prompts and seeds differ in number.
        """
        from captioning.cogvlm.generation import fits
        from captioning.cogvlm.processing import encode

        check_batch(images, prompts, sampling)
        config = self._model.config
        texts = [encode(self._tokenizer, prompt, self.template or config.template_version) for prompt in prompts]
        fitting = [row for row, text in enumerate(texts) if fits(config, text, self.max_new_tokens)]
        # Like lengths beside each other, so that rows that begin together need little padding or none.
        order = sorted(fitting, key=lambda row: len(texts[row]))
        seeds = sampling and replace(sampling, seeds=tuple(sampling.seeds[row] for row in order))
        written = self._generate([images[row] for row in order], [texts[row] for row in order], seeds)
        by_row = dict(zip(order, written, strict=True))
        return [self._caption(prompt, by_row.get(row)) for row, prompt in enumerate(prompts)]

    def _generate(
        self, images: Sequence[Image], texts: Sequence[Sequence[int]], sampling: Sampling | None
    ) -> "list[Generation]":
        from captioning.cogvlm.generation import generate
        from captioning.cogvlm.processing import preprocess
        from curation.ahead import ahead

        if not images:
            return []
        size = self._model.config.vision_config.image_size
        pixels = ahead(lambda image: preprocess([image], size)[0], images, threads=self.threads, distance=self.slots)
        return generate(
            self._model,
            pixels,
            texts,
            max_new_tokens=self.max_new_tokens,
            sampling=sampling,
            slots=self.slots,
            acceleration=self.acceleration,
        )

    def _caption(self, prompt: str, written: "Generation | None") -> Caption:
        from captioning.cogvlm.processing import decode

        return Caption(
            text=decode(self._tokenizer, written.tokens) if written else "",
            finish_reason=written.ending if written else "refused",
            tokens=len(written.tokens) if written else 0,
            model=self.model,
            revision=self._revision,
            prompt_hash=prompt_hash(prompt),
        )
