"""Tiny models and a tiny training set, made once for all tests of training."""

from pathlib import Path

import pytest
import torch

from tests.training import tiny
from tests.training.caches import save_caches


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Models this small lose time to threads, and all of it where cores are shared."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder: models/t5, models/stable-diffusion and training (2 shards of 4 pairs)."""
    return Path(tiny.save_world(tmp_path_factory.mktemp("world")))


@pytest.fixture(scope="session")
def text_encoder_folder(world: Path) -> str:
    return str(world / "models" / "t5")


@pytest.fixture(scope="session")
def diffusion_folder(world: Path) -> str:
    return str(world / "models" / "stable-diffusion")


@pytest.fixture(scope="session")
def training_folder(world: Path) -> str:
    return str(world / "training")


@pytest.fixture(scope="session")
def cached_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder whose training set has the caches latents, text (16 tokens a caption) and text/own as well."""
    folder = Path(tiny.save_world(tmp_path_factory.mktemp("cached")))
    save_caches(folder)
    return folder
