"""The benchmark's random models are the real ones' shapes, and fractions of them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from benchmarks.training_models import (
    make_captions,
    make_connector,
    save_text_encoder,
    unet_settings,
    vae_settings,
)
from training.text_encoder import TextEncoder


def parameters(kind: Any, settings: dict[str, Any]) -> int:
    with torch.device("meta"):
        return sum(weight.numel() for weight in kind(**settings).parameters())


@pytest.mark.parametrize(("base", "published"), [("sd15", 859_520_964), ("sdxl", 2_567_463_684)])
def test_the_unet_has_as_many_parameters_as_the_published_one(base: str, published: int) -> None:
    assert parameters(UNet2DConditionModel, unet_settings(base, 1)) == published


def test_so_have_the_vae_and_the_connectors() -> None:
    assert parameters(AutoencoderKL, vae_settings("sd15", 1)) == 83_653_863
    with torch.device("meta"):
        sizes = [sum(weight.numel() for weight in make_connector(base, 1).parameters()) for base in ("sd15", "sdxl")]
    assert sizes == [66_820_608, 466_546_688]


def test_a_fraction_keeps_the_width_of_heads_and_groups() -> None:
    settings = unet_settings("sd15", 8)
    assert settings["block_out_channels"] == (40, 80, 160, 160)
    assert settings["attention_head_dim"] == 1  # head of 40, as in the real one
    assert settings["norm_num_groups"] == 4  # groups of 10


def test_captions_are_as_long_as_the_papers_and_known_to_the_tokenizer(tmp_path: Path) -> None:
    captions = make_captions(100)
    assert 48 < sum(len(caption.split()) for caption in captions) / 100 < 52
    encoder = TextEncoder(save_text_encoder(tmp_path, 32))
    ids = encoder.tokenizer(captions)["input_ids"]
    assert encoder.tokenizer.unk_token_id not in {number for row in ids for number in row}
