"""The frozen text encoder: captions in, the last hidden state of a transformers encoder or decoder out."""

from collections.abc import Sequence
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    MODEL_FOR_TEXT_ENCODING_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForTextEncoding,
    AutoTokenizer,
)

from training.batch import TextFeatures
from training.errors import SettingsError
from training.frozen import FrozenModule, Precision


class TextEncoder(FrozenModule):
    """A language model with its tokenizer, frozen from the start and always in evaluation mode.

    An encoder, the encoder's half of an encoder-decoder (T5), or a decoder (TinyLlama, LLaMA-2) without its head,
    read left to right. Every caption is padded on the right, or cut, to one length. A tokenizer without a padding
    token pads with its end token, or else with its unknown token; the model never sees the padding, so it matters
    only where the connector does. An empty caption of a tokenizer that adds no token is one padding token.

    Args:
        path: transformers folder, or name on the hub: `google/flan-t5-xl`.
        length: tokens a caption, the tokens that the tokenizer adds included.
        precision: what the weights are kept and run in.
        attend_to_padding: let the connector read what the model gives for padding too, as ELLA's authors do. False:
            the features leave with a mask of the caption's own tokens.

    Raises:
        SettingsError: there is no such model with its tokenizer at `path`.
    """

    def __init__(
        self, path: str, length: int = 128, precision: Precision = "float32", attend_to_padding: bool = True
    ) -> None:
        super().__init__()
        self.path = path
        self.length = length
        self.precision = precision
        self.attend_to_padding = attend_to_padding
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(path, padding_side="right", truncation_side="right")
            self.model: Any = _load_model(path, getattr(torch, precision))
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise SettingsError(
                f"text encoder {path!r}: cannot load it; expected a transformers folder or a hub name with an encoder "
                f"or a decoder, its tokenizer and safetensors weights ({error})"
            ) from error
        if len(self.tokenizer.get_vocab().keys() - set(self.tokenizer.all_special_tokens)) < 2:
            # Where no tokenizer file is, the library makes one up that knows no word and complains of nothing.
            raise SettingsError(
                f"text encoder {path!r}: no tokenizer there; expected its tokenizer.json, tokenizer.model or "
                "spiece.model"
            )
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token or self.tokenizer.unk_token
        self.freeze()

    @property
    def width(self) -> int:
        """Channels of the features, D."""
        return int(self.model.config.hidden_size)

    @torch.no_grad()
    def forward(self, captions: Sequence[str]) -> TextFeatures:
        """Features (B, length, D) of B captions, with a mask unless padding is to be attended to."""
        tokens = self.tokenizer(
            list(captions), padding="max_length", truncation=True, max_length=self.length, return_tensors="pt"
        ).to(self.model.device)
        present = tokens["attention_mask"]  # (B, L)
        present[:, 0] = 1
        with self.own_precision():
            features = self.model(input_ids=tokens["input_ids"], attention_mask=present).last_hidden_state  # (B, L, D)
        return TextFeatures(features=features, mask=None if self.attend_to_padding else present.bool())


def _load_model(path: str, dtype: torch.dtype) -> Any:
    """The model at `path` without any head; of an encoder-decoder its encoder.

    Raises:
        ValueError: the files lack weights, which the library would leave at random.
    """
    encodes_text = type(AutoConfig.from_pretrained(path)) in MODEL_FOR_TEXT_ENCODING_MAPPING
    kind = AutoModelForTextEncoding if encodes_text else AutoModel
    model, found = kind.from_pretrained(path, dtype=dtype, use_safetensors=True, output_loading_info=True)
    missing = sorted(key for key in found["missing_keys"] if "pooler" not in key)  # a pooler is never asked
    if missing:
        raise ValueError(f"{len(missing)} weights are missing: {', '.join(missing[:5])}")
    return model.get_encoder() if model.config.is_encoder_decoder else model
