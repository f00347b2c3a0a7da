"""Any vision-language model that transformers itself has the code of: Qwen3-VL, InternVL, LLaVA, SmolVLM, ..."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from PIL.Image import Image

from captioning.captioner import Caption, Captioner, FinishReason, Sampling, check_batch, prompt_hash
from curation.revision import folder_revision
from curation.stage import execution


@dataclass(kw_only=True)
class TransformersCaptioner(Captioner):
    """Captions from a model that transformers knows natively; code that a checkpoint brings is never run.

    Args:
        model: folder or hub name.
        revision: branch, tag or commit of a hub name.
        max_new_tokens: cap on a caption's tokens.
        dtype: type of the weights and of the arithmetic.
        device: "cpu", "cuda", "cuda:1", ..., or "auto": a GPU where there is one.
    """

    model: str
    revision: str | None = None
    max_new_tokens: int = 160
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    device: str = execution("auto")

    def check(self) -> None:
        """Raise ValueError where the settings cannot work."""
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens is {self.max_new_tokens}: expected at least 1")

    def loads(self) -> Sequence[str]:
        """The checkpoint, where it is a folder."""
        return (self.model,)

    def setup(self) -> None:
        """Load processor and weights.

        Raises:
            ValueError: transformers has no code for the model, or the model no chat template.
            OSError: there is no such model.
        """
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        device = self.device if self.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        source: dict[str, Any] = {"revision": self.revision, "trust_remote_code": False}
        self._processor: Any = AutoProcessor.from_pretrained(self.model, **source)  # type: ignore[no-untyped-call]
        if not getattr(self._processor, "chat_template", None):
            raise ValueError(f"{self.model}: its processor has no chat template; expected a model that follows prompts")
        self._processor.tokenizer.padding_side = "left"  # new tokens follow the prompt in every row
        model: Any = AutoModelForImageTextToText.from_pretrained(
            self.model, dtype=getattr(torch, self.dtype), use_safetensors=True, **source
        )
        self._model = model.to(device).eval()
        self._end_tokens, self._context = _end_tokens(model), _context(model)
        self._used_revision = getattr(model.config, "_commit_hash", None) or folder_revision(self.model)

    def caption(
        self, images: Sequence[Image], prompts: Sequence[str], *, sampling: Sampling | None = None
    ) -> list[Caption]:
        """Describe `images[i]` as `prompts[i]` asks, all in one batch; a prompt over the context is refused.

        Raises:
            ValueError: images, prompts and seeds differ in number.
        """
        check_batch(images, prompts, sampling)
        if not images:
            return []
        inputs = self._encode(images, prompts)
        fits = (inputs["attention_mask"].sum(1) + self.max_new_tokens <= self._context).tolist()
        if all(fits):
            return self._generate(inputs, prompts, sampling)
        rows = [row for row, fitting in enumerate(fits) if fitting]
        fewer = replace(sampling, seeds=tuple(sampling.seeds[row] for row in rows)) if sampling else None
        captions = iter(self.caption([images[row] for row in rows], [prompts[row] for row in rows], sampling=fewer))
        return [
            next(captions) if fitting else self._caption(prompt, [], "refused")
            for prompt, fitting in zip(prompts, fits, strict=True)
        ]

    def _encode(self, images: Sequence[Image], prompts: Sequence[str]) -> Any:
        chats = [
            [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": prompt}]}]
            for image, prompt in zip((image.convert("RGB") for image in images), prompts, strict=True)
        ]
        return self._processor.apply_chat_template(
            chats,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        )

    def _generate(self, inputs: Any, prompts: Sequence[str], sampling: Sampling | None) -> list[Caption]:
        import torch
        from transformers import LogitsProcessorList

        from captioning.engines.seeded import SeededSampling

        with torch.inference_mode():
            output = self._model.generate(
                **inputs.to(self._model.device, self._model.dtype),
                max_new_tokens=self.max_new_tokens,
                do_sample=False,
                num_beams=1,
                logits_processor=LogitsProcessorList([SeededSampling(sampling)] if sampling else []),
            )
        rows = output[:, inputs["input_ids"].shape[1] :].tolist()  # (B, new tokens)
        return [self._read(prompt, tokens) for prompt, tokens in zip(prompts, rows, strict=True)]

    def _read(self, prompt: str, tokens: list[int]) -> Caption:
        """The caption in a row of `generate`: up to the token that ends it, behind which there is padding."""
        end = next((place for place, token in enumerate(tokens) if token in self._end_tokens), None)
        return self._caption(prompt, tokens[:end], "length" if end is None else "stop")

    def _caption(self, prompt: str, tokens: list[int], finish_reason: FinishReason) -> Caption:
        return Caption(
            text=self._processor.tokenizer.decode(tokens, skip_special_tokens=True),
            finish_reason=finish_reason,
            tokens=len(tokens),
            model=self.model,
            revision=self._used_revision,
            prompt_hash=prompt_hash(prompt),
        )


def _end_tokens(model: Any) -> frozenset[int]:
    """The tokens that end a text: one, or several."""
    ids = model.generation_config.eos_token_id
    return frozenset([ids] if isinstance(ids, int) else ids or [])


def _context(model: Any) -> float:
    """How many tokens the language model takes, prompt and text together."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None) or math.inf
