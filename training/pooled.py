"""The pooled text embedding that SDXL's U-Net reads, from the checkpoint's own second text encoder."""

from collections.abc import Sequence
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoTokenizer, CLIPTextModelWithProjection

from training.errors import SettingsError
from training.frozen import FrozenModule, Precision


class PooledTextEncoder(FrozenModule):
    """The CLIP text encoder in `text_encoder_2` of a diffusers folder, frozen from the start.

    Args:
        path: the folder, or its name on the hub.
        precision: what the weights are kept and run in.

    Raises:
        SettingsError: there is no such encoder.
    """

    def __init__(self, path: str, precision: Precision = "float32") -> None:
        super().__init__()
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(path, subfolder="tokenizer_2")
            self.model: Any = CLIPTextModelWithProjection.from_pretrained(
                path, subfolder="text_encoder_2", dtype=getattr(torch, precision), use_safetensors=True
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise SettingsError(
                f"diffusion model {path!r}: cannot load its text_encoder_2 and tokenizer_2, which `pooled: clip` "
                f"reads; give a diffusers folder of SDXL, or set pooled to zeros or connector ({error})"
            ) from error
        self.freeze()

    @torch.no_grad()
    def forward(self, captions: Sequence[str]) -> Tensor:
        """Embeddings (B, P) of B captions; CLIP reads their first 77 tokens."""
        tokens = self.tokenizer(
            list(captions), padding="max_length", truncation=True, max_length=self.length, return_tensors="pt"
        ).to(self.model.device)
        with self.own_precision():
            pooled: Tensor = self.model(input_ids=tokens["input_ids"]).text_embeds
        return pooled

    @property
    def length(self) -> int:
        """Tokens that the encoder reads."""
        return int(self.model.config.max_position_embeddings)
