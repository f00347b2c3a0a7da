"""Stable Diffusion 1.5, SDXL and T5-XL with random weights, as wide as they are or a fraction of it, on disk."""

import random
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

from training.connectors import TimestepAwareSemanticConnector

WORDS = [f"word{number}" for number in range(900)]
TEXT_WIDTH = 2048
"""Channels of T5-XL."""

SD15_UNET: dict[str, Any] = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "down_block_types": (*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"),
    "up_block_types": ("UpBlock2D", *["CrossAttnUpBlock2D"] * 3),
    "cross_attention_dim": 768,
    "attention_head_dim": 8,  # which in diffusers is the number of heads
}
SDXL_UNET: dict[str, Any] = {
    "sample_size": 128,
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "cross_attention_dim": 2048,
    "attention_head_dim": (5, 10, 20),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
CONNECTORS: dict[str, dict[str, int]] = {
    "sd15": {"width": 768, "heads": 8, "time_channels": 320},
    "sdxl": {"width": 2048, "heads": 16, "time_channels": 320},
}
UNETS = {"sd15": SD15_UNET, "sdxl": SDXL_UNET}
SCALING_FACTORS = {"sd15": 0.18215, "sdxl": 0.13025}


def save_diffusion(
    folder: Path, base: str, narrower: int, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> str:
    """VAE, U-Net and scheduler of `base`, sd15 or sdxl, as diffusers saves them, `narrower` times less wide."""
    torch.manual_seed(0)
    _random(UNet2DConditionModel, unet_settings(base, narrower), device, dtype).save_pretrained(folder / "unet")
    _random(AutoencoderKL, vae_settings(base, narrower), device, dtype).save_pretrained(folder / "vae")
    schedule = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    DDPMScheduler(**schedule).save_pretrained(folder / "scheduler")
    return str(folder)


def unet_settings(base: str, narrower: int) -> dict[str, Any]:
    """The U-Net's shapes, with fewer heads rather than narrower ones."""
    settings = dict(UNETS[base], norm_num_groups=32 // narrower)
    for name in ("block_out_channels", "cross_attention_dim", "attention_head_dim"):
        settings[name] = _divided(settings[name], narrower)
    return settings


def vae_settings(base: str, narrower: int) -> dict[str, Any]:
    """The VAE's shapes."""
    return {
        "block_out_channels": _divided((128, 256, 512, 512), narrower),
        "layers_per_block": 2,
        "norm_num_groups": 32 // narrower,
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "scaling_factor": SCALING_FACTORS[base],
    }


def save_text_encoder(folder: Path, narrower: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> str:
    """T5-XL's encoder, `narrower` times less wide, and a tokenizer of made-up words."""
    vocabulary = ["<pad>", "</s>", "<unk>", *WORDS]
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(vocabulary)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    torch.manual_seed(1)
    config = T5Config(
        vocab_size=len(vocabulary), d_model=TEXT_WIDTH // narrower, d_kv=64, d_ff=5120 // narrower, num_layers=24,
        num_heads=32 // narrower, feed_forward_proj="gated-gelu", tie_word_embeddings=False,
    )  # fmt: skip
    with torch.device(device):
        T5EncoderModel(config).to(dtype).save_pretrained(folder)
    return str(folder)


def make_connector(base: str, narrower: int) -> TimestepAwareSemanticConnector:
    """ELLA's connector for `base`, always with the same weights."""
    torch.manual_seed(2)
    shape = CONNECTORS[base]
    return TimestepAwareSemanticConnector(
        text_width=TEXT_WIDTH // narrower,
        width=shape["width"] // narrower,
        heads=shape["heads"],
        time_channels=shape["time_channels"] // narrower,
    )


def make_captions(count: int, seed: int = 0) -> list[str]:
    """Captions of about as many words as ELLA's have."""
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=chance.randint(35, 65))) for _ in range(count)]


def _divided(widths: Any, narrower: int) -> Any:
    return max(widths // narrower, 1) if isinstance(widths, int) else tuple(_divided(one, narrower) for one in widths)


def _random(kind: Any, settings: dict[str, Any], device: str, dtype: torch.dtype) -> Any:
    with torch.device(device):
        return kind(**settings).to(dtype)
