"""SDXL's pooled embedding is that of diffusers' own pipeline."""

from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, CLIPTextModelWithProjection

from tests.training import tiny
from training.errors import SettingsError
from training.pooled import PooledTextEncoder

CAPTIONS = ["a red square on black", "", "blue " * 30]


@pytest.fixture(scope="module")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.save_sdxl(tmp_path_factory.mktemp("sdxl"))


def test_it_is_the_projected_end_token_of_the_second_text_encoder(sdxl_folder: str) -> None:
    encoder = PooledTextEncoder(sdxl_folder)
    model = CLIPTextModelWithProjection.from_pretrained(sdxl_folder, subfolder="text_encoder_2")
    tokenizer = AutoTokenizer.from_pretrained(sdxl_folder, subfolder="tokenizer_2")
    tokens = tokenizer(CAPTIONS, padding="max_length", max_length=12, truncation=True, return_tensors="pt")
    with torch.no_grad():
        expected = model(tokens["input_ids"])[0]
    assert encoder.length == 12
    assert expected.shape == (3, tiny.POOLED_WIDTH)
    torch.testing.assert_close(encoder(CAPTIONS), expected)


def test_it_is_frozen_and_keeps_its_precision(sdxl_folder: str) -> None:
    encoder = PooledTextEncoder(sdxl_folder, precision="bfloat16")
    assert encoder(CAPTIONS).dtype == torch.bfloat16
    assert not encoder(CAPTIONS).requires_grad
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_a_model_without_one_is_refused(diffusion_folder: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"text_encoder_2 and tokenizer_2, which `pooled: clip` reads; give a"):
        PooledTextEncoder(diffusion_folder)
