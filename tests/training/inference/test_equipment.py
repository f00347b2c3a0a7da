"""Equipped pipelines of every kind: what they draw, what they ask for, and that nothing of it stays."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    ControlNetModel,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionControlNetInpaintPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLControlNetPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLInpaintPipeline,
    StableDiffusionXLPipeline,
)
from torch import Tensor

from tests.training.inference import small
from tests.training.inference.small import BLUE, GREEN, PAINT, RED, START, load_kind
from training.connectors import Connector
from training.inference import equip
from training.text_encoder import TextEncoder

KINDS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "text to image": (StableDiffusionPipeline, "sd15", {}),
    "image to image": (StableDiffusionImg2ImgPipeline, "sd15", START),
    "inpainting": (StableDiffusionInpaintPipeline, "sd15", PAINT),
    "ControlNet": (StableDiffusionControlNetPipeline, "sd15", {"image": small.picture()}),
    "ControlNet, image to image": (
        StableDiffusionControlNetImg2ImgPipeline, "sd15", {**START, "control_image": small.picture()},
    ),
    "ControlNet, inpainting": (
        StableDiffusionControlNetInpaintPipeline, "sd15", {**PAINT, "control_image": small.picture()},
    ),
    "SDXL, text to image": (StableDiffusionXLPipeline, "sdxl", {}),
    "SDXL, image to image": (StableDiffusionXLImg2ImgPipeline, "sdxl", START),
    "SDXL, inpainting": (StableDiffusionXLInpaintPipeline, "sdxl", PAINT),
    "SDXL, ControlNet": (StableDiffusionXLControlNetPipeline, "sdxl", {"image": small.picture()}),
}  # fmt: skip


@pytest.fixture
def pipeline(folders: Path) -> Any:
    return load_kind(folders, StableDiffusionPipeline, "sd15")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_follows_the_connector_and_comes_back_bit_for_bit(
    folders: Path, connector: Connector, fixed_length: TextEncoder, name: str
) -> None:
    kind, base, options = KINDS[name]
    pipeline = load_kind(folders, kind, base)
    before, attributes = small.draw(pipeline, **options), set(vars(pipeline))
    with equip(pipeline, connector, fixed_length):
        red, blue = small.draw(pipeline, RED, **options), small.draw(pipeline, BLUE, **options)
        both = small.draw(pipeline, [RED, BLUE], num_images_per_prompt=2, **options)
    assert np.isfinite(red).all()
    assert np.abs(red - before).max() > 1e-3
    assert np.abs(red - blue).max() > 1e-3
    np.testing.assert_allclose(both[0], red[0], atol=1e-4)
    assert both.shape[0] == 4
    assert np.array_equal(small.draw(pipeline, **options), before)
    assert set(vars(pipeline)) == attributes
    assert not any(module._forward_pre_hooks for module in pipeline.components.values() if hasattr(module, "modules"))


def written_out(
    pipeline: Any, connector: Connector, texts: tuple[Tensor, Tensor], scale: float, clip: tuple[Tensor, Tensor] | None
) -> Tensor:
    """What two steps with classifier-free guidance make of seed 0's noise: latents (1, 4, h, w).

    Args:
        pipeline: not equipped.
        connector: asked for each text at each step.
        texts: features (1, L, D) of the prompt and of the negative one.
        scale: of the guidance.
        clip: embeddings (1, K, C) of both, if they are to be added.
    """
    side = small.SIZE // 8
    latents = torch.randn(1, 4, side, side, generator=torch.Generator().manual_seed(0))
    pipeline.scheduler.set_timesteps(2)
    for time in pipeline.scheduler.timesteps:
        predicted = []
        for number, text in enumerate(texts):
            states = connector(text, time)
            states = states if clip is None else torch.cat([states, clip[number]], dim=1)
            predicted.append(pipeline.unet(latents, time, states).sample)
        guided = predicted[1] + scale * (predicted[0] - predicted[1])
        latents = pipeline.scheduler.step(guided, time, latents).prev_sample
    return latents


@torch.no_grad()
@pytest.mark.parametrize("with_clip", [False, True])
@pytest.mark.parametrize("length", ["fixed_length", "flexible_length"])
def test_the_image_is_that_of_a_loop_written_out(
    pipeline: Any, connector: Connector, length: str, with_clip: bool, request: pytest.FixtureRequest
) -> None:
    encoder: TextEncoder = request.getfixturevalue(length)
    texts = [encoder([prompt]) for prompt in (RED, GREEN)]
    alone = [text.features if text.mask is None else text.features[text.mask][None] for text in texts]  # (1, L, D)
    assert (alone[0].shape[1] == alone[1].shape[1] == 16) == (length == "fixed_length")
    clip = pipeline.encode_prompt(RED, "cpu", 1, True, GREEN)
    expected = written_out(pipeline, connector, (alone[0], alone[1]), 5.0, clip if with_clip else None)
    with equip(pipeline, connector, encoder, with_clip=with_clip):
        latents = small.draw(pipeline, RED, negative_prompt=GREEN, output_type="latent")
    torch.testing.assert_close(torch.as_tensor(latents), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("length", ["fixed_length", "flexible_length"])
def test_prompts_of_different_lengths_give_in_a_batch_what_each_gives_alone(
    pipeline: Any, connector: Connector, length: str, request: pytest.FixtureRequest
) -> None:
    equip(pipeline, connector, request.getfixturevalue(length))
    prompts = ["red", "a blue square on a black square on a grey square", ""]
    together = small.draw(pipeline, prompts)
    for number, prompt in enumerate(prompts):
        alone = small.draw(pipeline, [prompt] * 3)[number]  # the noise of that place
        np.testing.assert_allclose(together[number], alone, atol=1e-5)


def test_guidance_can_be_off(pipeline: Any, connector: Connector, fixed_length: TextEncoder) -> None:
    equip(pipeline, connector, fixed_length)
    off = small.draw(pipeline, RED, guidance_scale=1.0)
    assert np.array_equal(off, small.draw(pipeline, RED, guidance_scale=1.0, negative_prompt=BLUE))
    assert np.abs(off - small.draw(pipeline, RED)).max() > 1e-3


@pytest.mark.parametrize("base", ["sd15", "sdxl"])
def test_negative_prompts_are_read(folders: Path, connector: Connector, fixed_length: TextEncoder, base: str) -> None:
    kind = StableDiffusionPipeline if base == "sd15" else StableDiffusionXLPipeline
    pipeline = load_kind(folders, kind, base)
    equip(pipeline, connector, fixed_length)
    none, empty = small.draw(pipeline, RED), small.draw(pipeline, RED, negative_prompt="")
    assert np.array_equal(none, empty)
    green = small.draw(pipeline, RED, negative_prompt=GREEN)
    assert np.abs(green - none).max() > 1e-3
    each = small.draw(pipeline, [RED, RED], negative_prompt=[GREEN, ""])
    np.testing.assert_allclose(each[0], green[0], atol=1e-4)
    assert np.abs(each[1] - small.draw(pipeline, [RED, RED], negative_prompt=GREEN)[1]).max() > 1e-3


@pytest.mark.parametrize(
    "scheduler", [DDIMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler], ids=lambda s: s.__name__
)
def test_any_scheduler_will_do(pipeline: Any, connector: Connector, fixed_length: TextEncoder, scheduler: Any) -> None:
    pipeline.scheduler = scheduler.from_config(pipeline.scheduler.config)
    equip(pipeline, connector, fixed_length)
    assert np.abs(small.draw(pipeline, RED) - small.draw(pipeline, BLUE)).max() > 1e-3


@pytest.mark.parametrize("name", ["text to image", "ControlNet", "SDXL, text to image"])
def test_half_precision_draws_about_the_same(
    folders: Path, connector: Connector, fixed_length: TextEncoder, name: str
) -> None:
    kind, base, options = KINDS[name]
    images = []
    for dtype in (torch.float32, torch.bfloat16):
        pipeline = load_kind(folders, kind, base).to(dtype)
        equip(pipeline, connector, fixed_length)
        images.append(small.draw(pipeline, RED, **options))
    assert np.abs(images[0] - images[1]).mean() < 0.02
    assert connector.connector.latents.dtype == torch.float32


def test_the_language_model_runs_once_a_prompt_and_the_connector_once_a_step(
    folders: Path, connector: Connector, fixed_length: TextEncoder
) -> None:
    pipeline = load_kind(folders, StableDiffusionControlNetPipeline, "sd15")
    asked, batches = list[list[str]](), list[int]()
    hooks = [
        fixed_length.register_forward_pre_hook(lambda _, args: asked.append(list(args[0]))),
        connector.register_forward_pre_hook(lambda _, args: batches.append(len(args[0]))),
    ]
    with equip(pipeline, connector, fixed_length):
        pictures = {"image": [small.picture()] * 2, "num_images_per_prompt": 2}
        small.draw(pipeline, [RED, BLUE], **pictures)
        small.draw(pipeline, [BLUE, RED], **pictures)
    assert asked == [[RED], [BLUE], [""]]
    assert batches == [3] * 4  # two steps twice, of red, blue and the empty prompt
    for hook in hooks:
        hook.remove()


def test_a_controlnet_changes_the_image_and_so_do_two(
    folders: Path, connector: Connector, fixed_length: TextEncoder
) -> None:
    control = ControlNetModel.from_pretrained(folders / "sd15-controlnet", low_cpu_mem_usage=False)
    one = load_kind(folders, StableDiffusionControlNetPipeline, "sd15", controlnet=control)
    equip(one, connector, fixed_length)
    images = [small.draw(one, RED, image=small.picture(), controlnet_conditioning_scale=scale) for scale in (0.0, 1.0)]
    guessed = small.draw(one, RED, image=small.picture(), guess_mode=True)
    two = small.load(StableDiffusionControlNetPipeline, str(folders / "sd15"), controlnet=[control, control])
    equip(two, connector, fixed_length)
    images.append(small.draw(two, RED, image=[small.picture()] * 2, controlnet_conditioning_scale=[1.0, 1.0]))
    plain = load_kind(folders, StableDiffusionPipeline, "sd15")
    equip(plain, connector, fixed_length)
    np.testing.assert_allclose(images[0], small.draw(plain, RED), atol=1e-4)
    for first, second in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(images[first] - images[second]).max() > 1e-3
    assert np.abs(guessed - images[1]).max() > 1e-3


def test_fine_tuned_weights_of_a_community_draw_otherwise(
    folders: Path, connector: Connector, fixed_length: TextEncoder, tmp_path: Path
) -> None:
    pipeline = load_kind(folders, StableDiffusionPipeline, "sd15")
    with torch.no_grad(), equip(pipeline, connector, fixed_length):
        before = small.draw(pipeline, RED)
        pipeline.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2.to_v.weight.mul_(-1)
        pipeline.save_pretrained(tmp_path)  # equipped as it is
    community = small.load(StableDiffusionPipeline, str(tmp_path))
    equip(community, connector, fixed_length)
    assert np.abs(small.draw(community, RED) - before).max() > 1e-3


def test_a_lora_changes_the_image(
    pipeline: Any, connector: Connector, fixed_length: TextEncoder, tmp_path: Path
) -> None:
    place = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_v.lora"
    width, inner = pipeline.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2.to_v.weight.shape
    torch.manual_seed(5)
    layers = {f"{place}_A.weight": torch.randn(4, inner), f"{place}_B.weight": torch.randn(width, 4)}
    pipeline.save_lora_weights(tmp_path, unet_lora_layers=layers)
    equip(pipeline, connector, fixed_length)
    before = small.draw(pipeline, RED)
    pipeline.load_lora_weights(tmp_path)
    with_lora = small.draw(pipeline, RED)
    assert np.abs(with_lora - before).max() > 1e-3
    none = small.draw(pipeline, RED, cross_attention_kwargs={"scale": 0.0})
    np.testing.assert_allclose(none, before, atol=1e-5)
    pipeline.unload_lora_weights()
    assert np.array_equal(small.draw(pipeline, RED), before)
