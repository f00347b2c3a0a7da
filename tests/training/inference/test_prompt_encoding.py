"""What an equipped pipeline's `encode_prompt` gives, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

from tests.training.inference import small
from tests.training.inference.small import BLUE, GREEN, RED, load_kind
from training.connectors import Connector
from training.errors import SettingsError
from training.inference import equip
from training.inference.packing import Packing
from training.text_encoder import TextEncoder

PACKING = Packing(text_width=64, clip_width=64)


@pytest.fixture
def pipeline(folders: Path, connector: Connector, flexible_length: TextEncoder) -> Any:
    pipeline = load_kind(folders, StableDiffusionPipeline, "sd15")
    equip(pipeline, connector, flexible_length)
    return pipeline


def test_it_gives_the_text_encoders_features(pipeline: Any, flexible_length: TextEncoder) -> None:
    packed, negative = pipeline.encode_prompt([RED, GREEN], "cpu", 2, True, [BLUE, ""])
    for given, texts in ((packed, [RED, RED, GREEN, GREEN]), (negative, [BLUE, BLUE, "", ""])):
        text, expected = PACKING.unpack(given).text, flexible_length(texts)
        assert text.mask is not None
        assert expected.mask is not None
        assert torch.equal(text.mask, expected.mask)
        torch.testing.assert_close(text.features, expected.features)
        assert PACKING.unpack(given).clip is None


def test_without_guidance_there_is_no_negative_prompt(pipeline: Any) -> None:
    packed, negative = pipeline.encode_prompt(RED, "cpu", 1, False)
    assert len(packed) == 1
    assert negative is None


def test_its_embeddings_can_be_given_back_to_the_pipeline(pipeline: Any) -> None:
    packed, negative = pipeline.encode_prompt(RED, "cpu", 1, True, BLUE)
    expected = small.draw(pipeline, RED, negative_prompt=BLUE)
    given = small.draw(pipeline, None, prompt_embeds=packed, negative_prompt_embeds=negative)
    assert np.array_equal(given, expected)
    half = small.draw(pipeline, None, prompt_embeds=packed, negative_prompt=BLUE)
    assert np.array_equal(half, expected)


def test_embeddings_of_another_kind_are_refused(pipeline: Any, folders: Path) -> None:
    clip, _ = load_kind(folders, StableDiffusionPipeline, "sd15").encode_prompt(RED, "cpu", 1, False)
    with pytest.raises(
        SettingsError, match=r"^prompt_embeds have 64 channels, and this pipeline.* takes 65: make them"
    ):
        small.draw(pipeline, None, prompt_embeds=clip)
    with pytest.raises(SettingsError, match=r"^negative_prompt_embeds have 64 channels"):
        pipeline.encode_prompt(RED, "cpu", 1, True, negative_prompt_embeds=clip)


def test_as_many_negative_prompts_as_prompts_are_needed(pipeline: Any) -> None:
    with pytest.raises(SettingsError, match="2 negative prompts for 3 prompts: give as many, or one for all"):
        pipeline.encode_prompt([RED] * 3, "cpu", 1, True, ["a", "b"])


@pytest.mark.parametrize("negative", [None, "", BLUE])
def test_clip_embeddings_are_the_pipelines_own(
    folders: Path, connector: Connector, fixed_length: TextEncoder, negative: str | None
) -> None:
    for kind, base in ((StableDiffusionPipeline, "sd15"), (StableDiffusionXLPipeline, "sdxl")):
        pipeline = load_kind(folders, kind, base)
        asked = {"device": "cpu", "num_images_per_prompt": 2, "do_classifier_free_guidance": True}
        own = pipeline.encode_prompt(
            [RED, GREEN], negative_prompt=None if negative is None else [negative] * 2, **asked
        )
        equip(pipeline, connector, fixed_length, with_clip=True)
        packed = pipeline.encode_prompt([RED, GREEN], negative_prompt=negative, **asked)
        for expected, given in zip(own[:2], packed[:2], strict=True):
            clip = PACKING.unpack(given).clip
            assert clip is not None
            torch.testing.assert_close(clip, expected)


def test_sdxl_may_have_another_prompt_for_its_second_encoder(
    folders: Path, connector: Connector, fixed_length: TextEncoder
) -> None:
    pipeline = load_kind(folders, StableDiffusionXLPipeline, "sdxl")
    *_, own, own_negative = pipeline.encode_prompt(RED, GREEN, negative_prompt=RED, negative_prompt_2=BLUE)
    equip(pipeline, connector, fixed_length, pooled="clip")
    *_, pooled, negative = pipeline.encode_prompt(RED, GREEN, negative_prompt=RED, negative_prompt_2=BLUE)
    torch.testing.assert_close(pooled, own)
    torch.testing.assert_close(negative, own_negative)
    given = torch.ones(1, 32)
    *_, pooled, _ = pipeline.encode_prompt(RED, pooled_prompt_embeds=given, num_images_per_prompt=3)
    assert torch.equal(pooled, torch.ones(3, 32))
