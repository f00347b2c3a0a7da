"""A small CLIP and a small OWLv2, random, saved as their real kin are published."""

from pathlib import Path

import torch
from torch import nn
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2ImageProcessor,
    Owlv2Processor,
)

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LAYERS = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}


def save_clip(folder: Path) -> None:
    tokenizer, text = _tokenizer()
    config = CLIPConfig(
        text_config=text, vision_config={"image_size": 32, "patch_size": 8, **_LAYERS}, projection_dim=16
    )
    _save(CLIPModel(config), folder)
    image_processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(image_processor=image_processor, tokenizer=tokenizer).save_pretrained(folder)


def save_owlv2(folder: Path) -> None:
    tokenizer, text = _tokenizer()
    config = Owlv2Config(
        text_config=text, vision_config={"image_size": 32, "patch_size": 8, **_LAYERS}, projection_dim=32
    )
    _save(Owlv2ForObjectDetection(config), folder)
    image_processor = Owlv2ImageProcessor(size={"height": 32, "width": 32})
    Owlv2Processor(image_processor=image_processor, tokenizer=tokenizer).save_pretrained(folder)


def _tokenizer() -> tuple[CLIPTokenizer, dict[str, int]]:
    """Letters and letters that end a word, then start and end as in the published one: OWL takes id 0 for no text."""
    tokens = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={token: id_ for id_, token in enumerate(tokens)}, merges=[], model_max_length=77)
    start = len(tokens) - 2
    ids = {"bos_token_id": start, "eos_token_id": start + 1, "pad_token_id": start + 1}
    return tokenizer, {"vocab_size": len(tokens), "max_position_embeddings": 77, **ids, **_LAYERS}


def _save(model: nn.Module, folder: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.3, generator=generator)
    model.save_pretrained(folder)  # type: ignore[operator]
