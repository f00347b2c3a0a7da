"""Pipelines that share a U-Net, handles, and everything that `equip` refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers import (
    DDIMPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
)

from tests.training.inference import small
from tests.training.inference.small import BLUE, RED, START, load_kind
from training.connectors import Connector, MLPConnector
from training.errors import SettingsError
from training.inference import equip
from training.text_encoder import TextEncoder


@pytest.fixture
def pipeline(folders: Path) -> Any:
    return load_kind(folders, StableDiffusionPipeline, "sd15")


def test_pipelines_that_share_a_unet_do_not_disturb_each_other(
    folders: Path, connector: Connector, fixed_length: TextEncoder
) -> None:
    first = load_kind(folders, StableDiffusionPipeline, "sd15")
    second = StableDiffusionImg2ImgPipeline(**first.components)
    second.set_progress_bar_config(disable=True)
    before = small.draw(second, BLUE, **START)
    one = equip(first, connector, fixed_length)
    alone = small.draw(first, RED)
    assert np.array_equal(small.draw(second, BLUE, **START), before)

    with equip(second, connector, fixed_length):
        assert np.abs(small.draw(second, BLUE, **START) - before).max() > 1e-3
        assert np.array_equal(small.draw(first, RED), alone)
    assert np.array_equal(small.draw(first, RED), alone)
    assert np.array_equal(small.draw(second, BLUE, **START), before)

    other = MLPConnector(text_width=64, width=64)
    with pytest.raises(SettingsError, match="UNet2DConditionModel is shared with a pipeline that has another connec"):
        equip(second, other, fixed_length)
    one.remove()
    equip(second, other, fixed_length)


def test_equipping_twice_is_refused_and_removing_twice_is_not(
    pipeline: Any, connector: Connector, fixed_length: TextEncoder
) -> None:
    handle = equip(pipeline, connector, fixed_length)
    with pytest.raises(SettingsError, match="this StableDiffusionPipeline is equipped already: remove"):
        equip(pipeline, connector, fixed_length)
    handle.remove()
    handle.remove()
    equip(pipeline, connector, fixed_length)


def test_widths_that_do_not_fit_are_named_on_both_sides(
    folders: Path, pipeline: Any, fixed_length: TextEncoder
) -> None:
    with pytest.raises(SettingsError, match="encoder gives 64 channels and the connector reads 48: take the text enco"):
        equip(pipeline, MLPConnector(text_width=48, width=64), fixed_length)
    with pytest.raises(SettingsError, match=r"connector gives 32 channels and the .* of this UNet2DCond.* reads 64"):
        equip(pipeline, MLPConnector(text_width=64, width=32), fixed_length)
    controlled = load_kind(folders, StableDiffusionControlNetPipeline, "sd15")
    controlled.controlnet.register_to_config(cross_attention_dim=96)
    with pytest.raises(SettingsError, match=r"connector gives 64 channels and the .* of this ControlNetModel reads 96"):
        equip(controlled, MLPConnector(text_width=64, width=64), fixed_length)
    assert "encode_prompt" not in vars(pipeline)
    assert not pipeline.unet._forward_pre_hooks


def test_another_kind_of_pipeline_is_refused(connector: Connector, fixed_length: TextEncoder, pipeline: Any) -> None:
    latent_only = DDIMPipeline(pipeline.unet, pipeline.scheduler)
    with pytest.raises(SettingsError, match=r"DDIMPipeline has no encode_prompt .*; expected a Stable Diffusion 1\.5"):
        equip(latent_only, connector, fixed_length)
