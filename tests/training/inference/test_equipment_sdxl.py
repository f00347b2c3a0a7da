"""SDXL under a connector: pooled embedding, time ids, and no need for CLIP."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from torch import Tensor

from tests.training.inference import small
from tests.training.inference.small import RED, load_kind
from training.connectors import Connector, MLPConnector, TimestepAwareSemanticConnector
from training.errors import SettingsError
from training.inference import equip
from training.text_encoder import TextEncoder


@pytest.mark.parametrize("pooled", ["zeros", "clip", "connector"])
def test_sdxl_gets_the_pooled_embedding_that_is_asked_for(
    folders: Path, fixed_length: TextEncoder, pooled: Any
) -> None:
    pipeline = load_kind(folders, StableDiffusionXLPipeline, "sdxl")
    _, _, own, _ = pipeline.encode_prompt(RED, do_classifier_free_guidance=False)
    _, _, empty, _ = pipeline.encode_prompt("", do_classifier_free_guidance=False)
    connector = TimestepAwareSemanticConnector(
        text_width=64, width=64, latents=4, depth=1, heads=4, time_channels=16, pooled_width=32
    )
    assert connector.pooled_head is not None
    torch.nn.init.normal_(connector.pooled_head.weight)
    seen = list[tuple[Tensor, dict[str, Tensor]]]()
    with equip(pipeline, connector, fixed_length, pooled=pooled):
        pipeline.unet.register_forward_pre_hook(
            lambda _, args, kwargs: seen.append((args[2], kwargs["added_cond_kwargs"])), with_kwargs=True
        )
        small.draw(pipeline, RED, original_size=(40, 50), crops_coords_top_left=(3, 4), num_images_per_prompt=2)
    for states, added in seen:
        expected = {
            "zeros": torch.zeros(4, 32),
            "clip": torch.cat([empty, empty, own, own]),
            "connector": connector.pooled(states),
        }[pooled]
        torch.testing.assert_close(added["text_embeds"], expected)
        assert added["time_ids"].tolist() == [[40, 50, 3, 4, small.SIZE, small.SIZE]] * 4
    assert len(seen) == 2


def test_a_connector_with_a_pooled_head_uses_it_where_nothing_is_said(folders: Path, fixed_length: TextEncoder) -> None:
    connector = MLPConnector(text_width=64, width=64, pooled_width=16)
    with pytest.raises(SettingsError, match="pooled embedding has 16 channels and the U-Net reads 32: set pooled"):
        equip(load_kind(folders, StableDiffusionXLPipeline, "sdxl"), connector, fixed_length)
    equip(load_kind(folders, StableDiffusionPipeline, "sd15"), connector, fixed_length)  # which reads none


def test_a_pipeline_needs_no_clip_at_all(folders: Path, connector: Connector, fixed_length: TextEncoder) -> None:
    whole, bare = (
        load_kind(folders, StableDiffusionXLPipeline, "sdxl", **parts)
        for parts in ({}, {"text_encoder": None, "text_encoder_2": None, "tokenizer": None, "tokenizer_2": None})
    )
    images = []
    for pipeline in (whole, bare):
        equip(pipeline, connector, fixed_length)
        images.append(small.draw(pipeline, RED))
    assert np.array_equal(images[0], images[1])
