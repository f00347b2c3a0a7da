"""What goes into CogVLM and what comes out, between people and tensors: pixels, prompts, token ids."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL.Image import Image, Resampling
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from captioning.cogvlm.config import CogVLMConfig, Template

MEAN = np.array([0.48145466, 0.4578275, 0.40821073], dtype=np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], dtype=np.float32)
"""Of CLIP's training images, whose vision transformer this one grew from."""

TEMPLATES: dict[Template, str] = {
    "chat": "Question: {question} Answer:",
    "vqa": "Question: {question} Short answer:",
    "base": "{question}",
}

VICUNA = "lmsys/vicuna-7b-v1.5"
"""CogVLM's tokenizer, which its checkpoints don't hold; CogVLM2's do."""


def preprocess(images: Sequence[Image], size: int) -> Tensor:
    """Resize to `size` squared without cropping, and normalise.

    Returns:
        (B, 3, size, size), float32.
    """
    resized = [np.asarray(image.convert("RGB").resize((size, size), Resampling.BICUBIC)) for image in images]
    pixels = (np.stack(resized).astype(np.float32) / 255 - MEAN) / STD  # (B, size, size, 3)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def load_tokenizer(name: str | None, *, folder: str, config: CogVLMConfig) -> PreTrainedTokenizerBase:
    """Load a tokenizer and make sure that it is the model's.

    Args:
        name: folder or hub name; None for Vicuna's with a CogVLM, and for a CogVLM2 the one in `folder`.
        folder: the model's.
        config: the model's.

    Raises:
        ValueError: the tokenizer has another number of tokens than the model.
    """
    name = name or (folder if config.is_v2 else VICUNA)
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    if len(tokenizer) != config.vocab_size:
        raise ValueError(
            f"tokenizer {name} has {len(tokenizer)} tokens, the model {config.vocab_size}: "
            "set `tokenizer` to the one that the model was trained with"
        )
    return tokenizer


def encode(tokenizer: PreTrainedTokenizerBase, question: str, template: Template) -> list[int]:
    """Token ids of `question` put in `template`, without special tokens: what follows the image.

    A special token that is spelled out in the question, which may hold a stranger's alt-text, is read as plain text.
    """
    text = TEMPLATES[template].format(question=question)
    return list(tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))


def decode(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[int]) -> str:
    """The text of `tokens`, special ones left out."""
    return str(tokenizer.decode(list(tokens), skip_special_tokens=True))
