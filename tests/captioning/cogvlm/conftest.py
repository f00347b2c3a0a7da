"""Small CogVLMs of both kinds, images for them, and a tokenizer."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from captioning.cogvlm import CogVLM, CogVLMConfig
from tests.captioning.cogvlm.tiny import random_model, save_tokenizer, small_config


@pytest.fixture(params=["v1", "v2"])
def config(request: pytest.FixtureRequest) -> CogVLMConfig:
    return small_config(v2=request.param == "v2")


@pytest.fixture
def model(config: CogVLMConfig) -> CogVLM:
    return random_model(config)


@pytest.fixture
def pixels() -> Tensor:
    """Three images."""
    return torch.randn(3, 3, 24, 24, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def tokenizer_folder(tmp_path: Path) -> Path:
    save_tokenizer(tmp_path / "tokenizer")
    return tmp_path / "tokenizer"
