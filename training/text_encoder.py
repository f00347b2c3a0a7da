"""The frozen text encoder: captions in, the last hidden state of a T5 encoder out."""

from collections.abc import Sequence

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoTokenizer, T5EncoderModel

from training.errors import SettingsError
from training.frozen import FrozenModule, Precision


class T5TextEncoder(FrozenModule):
    """A T5 encoder with its tokenizer, frozen from the start and always in evaluation mode.

    Every caption is padded or cut to one length. The encoder masks the padding; its features leave with the rest,
    because the connector was designed to attend to all of them.

    Args:
        path: transformers folder, or name on the hub: `google/flan-t5-xl`.
        length: tokens a caption, the end token included.
        precision: what the weights are kept and run in.

    Raises:
        SettingsError: there is no T5 encoder with its tokenizer at `path`.
    """

    def __init__(self, path: str, length: int = 128, precision: Precision = "float32") -> None:
        super().__init__()
        self.length = length
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(path)
            self.model = T5EncoderModel.from_pretrained(path, dtype=getattr(torch, precision), use_safetensors=True)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise SettingsError(
                f"text encoder {path!r}: cannot load it; expected a transformers folder or a hub name with a T5 "
                f"encoder, its tokenizer and safetensors weights ({error})"
            ) from error
        if len(self.tokenizer.get_vocab().keys() - set(self.tokenizer.all_special_tokens)) < 2:
            # Where no tokenizer file is, the library makes one up that knows no word and complains of nothing.
            raise SettingsError(
                f"text encoder {path!r}: no tokenizer there; expected its tokenizer.json or spiece.model"
            )
        self.freeze()

    @property
    def width(self) -> int:
        """Channels of the features, D."""
        return int(self.model.config.d_model)

    @torch.no_grad()
    def forward(self, captions: Sequence[str]) -> Tensor:
        """Features (B, length, D) of B captions; an empty caption is an end token and padding."""
        tokens = self.tokenizer(
            list(captions), padding="max_length", truncation=True, max_length=self.length, return_tensors="pt"
        ).to(self.model.device)
        features: Tensor = self.model(
            input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
        ).last_hidden_state
        return features  # (B, L, D)
