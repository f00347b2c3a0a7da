"""What stands in the place of a pipeline's `encode_prompt`: prompts come in, packed prompts go on to the U-Net."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from training.batch import TextFeatures
from training.diffusion import Pooled
from training.errors import SettingsError
from training.inference.packing import Packing

REMEMBERED = 128
"""Prompts whose features are kept: the negative one, and those of a batch, are asked for again and again."""


class ReadsText(Protocol):
    """What is asked of a text encoder."""

    @property
    def width(self) -> int:
        """Channels of the features, D."""

    def __call__(self, captions: Sequence[str], /) -> TextFeatures:
        """Features (B, L, D) of B captions, each by itself."""


class PromptEncoder:
    """Takes and gives what the pipeline's own `encode_prompt` takes and gives, with packed prompts as the embeddings.

    The text encoder reads each prompt once and alone, so that nothing depends on what else is in a batch.

    Args:
        pipeline: whose method this replaces.
        text_encoder: the one that the connector was trained with.
        packing: how the prompts are laid out.
        with_clip: add the CLIP embedding.
        pooled_width: channels of SDXL's pooled embedding, P; 0 for other pipelines.
        pooled: what it is; `connector` means zeros here, in whose place the U-Net's hook puts another.
    """

    def __init__(
        self,
        pipeline: Any,
        text_encoder: ReadsText,
        packing: Packing,
        *,
        with_clip: bool,
        pooled_width: int,
        pooled: Pooled,
    ) -> None:
        self._pipeline = pipeline
        self._own: Callable[..., tuple[Tensor, ...]] = pipeline.encode_prompt
        self._signature = inspect.signature(self._own)
        self._text_encoder = text_encoder
        self._packing = packing
        self._with_clip = with_clip
        self._pooled_width = pooled_width
        self._pooled = pooled
        self._features = functools.lru_cache(REMEMBERED)(self._encode)

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Tensor | None, ...]:
        """Packed prompts (B n, R, W) and negative ones, None without guidance; for SDXL the pooled embeddings too.

        Raises:
            SettingsError: embeddings were given that are not packed prompts, or prompts and negative prompts differ
                in number.
        """
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        packed, pooled = self._side(given, "", _listed(given["prompt"]))
        if not given["do_classifier_free_guidance"]:
            return self._repeated(given, packed, None, pooled, None)
        negative_texts = _negatives(given["negative_prompt"], len(packed))
        negative, negative_pooled = self._side(given, "negative_", negative_texts)
        return self._repeated(given, packed, negative, pooled, negative_pooled)

    def _side(self, given: Mapping[str, Any], side: str, texts: list[str]) -> tuple[Tensor, Tensor | None]:
        """Packed prompts (B, R, W) and pooled embedding (B, P) of the prompts or of the negative ones."""
        packed, pooled = given[f"{side}prompt_embeds"], given.get(f"{side}pooled_prompt_embeds")
        wants_pooled = self._pooled_width > 0 and pooled is None
        own: tuple[Tensor | None, Tensor | None] = (None, None)
        if (packed is None and self._with_clip) or (wants_pooled and self._pooled == "clip"):
            own = self._own_embeddings(given, side, texts)
        if packed is None:
            packed = self._pack(given, texts, own[0] if self._with_clip else None)
        if packed.shape[-1] != self._packing.width:
            raise SettingsError(
                f"{side}prompt_embeds have {packed.shape[-1]} channels, and this pipeline, equipped with a connector, "
                f"takes {self._packing.width}: make them with its own encode_prompt, or remove the connector"
            )
        if wants_pooled:
            pooled = own[1] if self._pooled == "clip" else packed.new_zeros(len(packed), self._pooled_width)
        return packed, pooled

    def _pack(self, given: Mapping[str, Any], texts: Sequence[str], clip: Tensor | None) -> Tensor:
        place = given["device"] or self._pipeline.device
        encoded = [self._features(text) for text in texts]
        masks = [text.mask for text in encoded if text.mask is not None]
        text = TextFeatures(
            features=torch.cat([text.features for text in encoded]).to(place, self._dtype),  # (B, L, D)
            mask=torch.cat(masks).to(place) if masks else None,
        )
        return self._packing.pack(text, clip)

    @torch.no_grad()
    def _encode(self, text: str) -> TextFeatures:
        """Features (1, L, D) of one text."""
        return self._text_encoder([text])

    def _own_embeddings(
        self, given: Mapping[str, Any], side: str, texts: list[str]
    ) -> tuple[Tensor | None, Tensor | None]:
        """What the pipeline's own text encoders give: embeddings (B, K, C) and, for SDXL, pooled ones (B, P).

        Where SDXL has zeros for a negative prompt that is not given, the embeddings are zeros; the pooled ones are
        those of the empty prompt, as in training.
        """
        asked = {
            **{name: value for name, value in given.items() if "prompt" not in name},
            "prompt": texts,
            "num_images_per_prompt": 1,
            "do_classifier_free_guidance": False,
        }
        if self._pooled_width:
            asked["prompt_2"] = given[f"{side}prompt_2"]
        embedding, _, *pooled = self._own(**asked)
        if side and given["negative_prompt"] is None and self._pipeline.config.get("force_zeros_for_empty_prompt"):
            embedding = torch.zeros_like(embedding)
        return embedding, pooled[0] if pooled else None

    def _repeated(self, given: Mapping[str, Any], *tensors: Tensor | None) -> tuple[Tensor | None, ...]:
        """All `tensors` that this kind of pipeline wants, each row as often as there are to be images of it."""
        images = given["num_images_per_prompt"]
        wanted = tensors if self._pooled_width else tensors[:2]
        return tuple(tensor if tensor is None else tensor.repeat_interleave(images, dim=0) for tensor in wanted)

    @property
    def _dtype(self) -> torch.dtype:
        """What the pipeline's own embeddings have; pipelines make their latents in it."""
        parts = (getattr(self._pipeline, name, None) for name in ("text_encoder_2", "text_encoder", "unet"))
        dtype: torch.dtype = next(part for part in parts if part is not None).dtype
        return dtype


def _listed(prompts: str | Sequence[str] | None) -> list[str]:
    """`prompts` as a list; empty where embeddings were given in their place."""
    return [prompts] if isinstance(prompts, str) else list(prompts or [])


def _negatives(negative: str | Sequence[str] | None, count: int) -> list[str]:
    """A negative prompt for each of `count` prompts; the empty one where there is none, as in training."""
    if negative is None or isinstance(negative, str):
        return [negative or ""] * count
    if len(negative) != count:
        raise SettingsError(f"{len(negative)} negative prompts for {count} prompts: give as many, or one for all")
    return list(negative)
