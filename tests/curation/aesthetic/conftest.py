"""A CLIP of two small layers and a head for it, saved in the layouts of the real ones."""

import json
from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from curation.aesthetic.head import AestheticHead

WIDTH = 16
SIZE = 32
CONFIG = {
    "embed_dim": WIDTH,
    "vision_cfg": {
        "image_size": SIZE,
        "layers": 2,
        "width": 32,
        "head_width": 16,
        "patch_size": 8,
        "patch_dropout": 0.5,
    },
    "text_cfg": {"context_length": 8, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as open_clip's `local-dir:` reads it."""
    folder = tmp_path_factory.mktemp("clip")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": CONFIG, "preprocess_cfg": {}}))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        clip = open_clip.model.CLIP(**CONFIG)
        for parameter in clip.parameters():  # as at the start embeddings of all images are nearly one
            parameter.data.add_(0.3 * torch.randn_like(parameter))
    save_file(clip.state_dict(), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="session")
def head_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head for the small CLIP."""
    path = tmp_path_factory.mktemp("head") / "head.pth"
    with torch.random.fork_rng():
        torch.manual_seed(1)
        torch.save(AestheticHead((WIDTH, 8, 8, 8, 8, 1)).state_dict(), path)
    return path
