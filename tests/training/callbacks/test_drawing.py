"""Images of a connector that is being trained."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training import tiny
from training.callbacks.drawing import Drawing
from training.frozen_models import FrozenModels
from training.inference import equip
from training.inference.loading import load_pipeline
from training.module import ConnectorTraining

PROMPTS = ["a red square on black", "a blue square"]
SETTINGS = {"height": 32, "width": 32, "num_inference_steps": 2, "guidance_scale": 5.0}


@pytest.fixture
def module(world: Path) -> ConnectorTraining:
    training = tiny.build_training(world)
    training.configure_model()
    return training


def draw(module: ConnectorTraining) -> list[Image.Image]:
    return Drawing(module, "ddim", ["", *PROMPTS])(PROMPTS, [3, 4], **SETTINGS)


def test_what_is_drawn_is_what_the_equipped_pipeline_draws(module: ConnectorTraining, world: Path) -> None:
    base = str(world / "models" / "stable-diffusion")
    pipeline = load_pipeline(base, precision="float32", sampler="ddim", with_clip=False)
    generators = [torch.Generator().manual_seed(seed) for seed in (3, 4)]
    assert module.text_encoder is not None
    with equip(pipeline, module.connector.eval(), module.text_encoder):
        expected = pipeline(PROMPTS, generator=generators, **SETTINGS).images
    assert draw(module) == expected
    assert expected[0] != expected[1]


def test_the_connector_draws_as_it_is_now_and_nothing_else_changes(module: ConnectorTraining) -> None:
    drawing = Drawing(module, "ddim", ["", *PROMPTS])
    before = drawing(PROMPTS, [3, 4], **SETTINGS)
    assert drawing(PROMPTS, [3, 4], **SETTINGS) == before
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1]
    with torch.no_grad():
        for parameter in module.connector.parameters():
            parameter.add_(0.3)
    assert drawing(PROMPTS, [3, 4], **SETTINGS) != before
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()
    assert module.connector.training
    module.connector.eval()
    drawing(PROMPTS, [3, 4], **SETTINGS)
    assert not module.connector.training


def test_models_that_cached_data_makes_needless_are_loaded_for_drawing(module: ConnectorTraining) -> None:
    whole = draw(module)
    module.frozen = FrozenModels(text_encoder=None, diffusion=module.make_diffusion(with_vae=False))
    assert draw(module) == whole
    assert module.frozen.diffusion.vae is None
    assert module.text_encoder is None
