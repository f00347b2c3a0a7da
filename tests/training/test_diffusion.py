"""The frozen diffusion model: both kinds of prediction, both base models, no gradient but the condition's."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tests.training import tiny
from tests.training.single_file import save_single_file
from training.diffusion import LatentDiffusion
from training.errors import SettingsError


@pytest.fixture(scope="module")
def diffusion(diffusion_folder: str) -> LatentDiffusion:
    return LatentDiffusion(diffusion_folder)


@pytest.fixture(scope="module")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.save_sdxl(tmp_path_factory.mktemp("sdxl"))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Latents, noise, timesteps and condition."""
    latents, noise = torch.randn(2, 2, 4, 8, 8, generator=seeded(0))
    condition = torch.randn(2, 5, tiny.CONDITION_WIDTH, generator=seeded(1))
    return latents, noise, torch.tensor([30, 800]), condition


def added() -> dict[str, Tensor]:
    """What SDXL's U-Net reads beside the condition."""
    sizes = torch.tensor([[512.0, 768.0, 0.0, 100.0, 64.0, 64.0]] * 2)
    return {"time_ids": sizes, "text_embeds": torch.randn(2, tiny.POOLED_WIDTH, generator=seeded(2))}


def gradient(diffusion: LatentDiffusion) -> Tensor:
    """Of the loss, to the condition."""
    latents, noise, timesteps, condition = draw()
    condition.requires_grad_()
    diffusion.loss(latents, noise, timesteps, condition).sum().backward()
    assert condition.grad is not None
    return condition.grad


def test_it_says_what_the_connector_must_fit(diffusion: LatentDiffusion, sdxl_folder: str) -> None:
    assert (diffusion.condition_width, diffusion.pooled_width) == (tiny.CONDITION_WIDTH, 0)
    assert LatentDiffusion(sdxl_folder, with_vae=False).pooled_width == tiny.POOLED_WIDTH
    assert len(diffusion.schedule) == 1000


def test_epsilon_is_compared_with_the_noise_pair_by_pair(diffusion: LatentDiffusion, diffusion_folder: str) -> None:
    latents, noise, timesteps, condition = draw()
    unet = UNet2DConditionModel.from_pretrained(diffusion_folder, subfolder="unet", low_cpu_mem_usage=False)
    kept = torch.linspace(0.00085**0.5, 0.012**0.5, 1000).square().neg().add(1).cumprod(0)[timesteps]
    kept = kept[:, None, None, None]
    with torch.no_grad():
        predicted = unet(kept.sqrt() * latents + (1 - kept).sqrt() * noise, timesteps, condition).sample
    expected = ((predicted - noise) ** 2).mean(dim=(1, 2, 3))
    torch.testing.assert_close(diffusion.loss(latents, noise, timesteps, condition), expected)


def test_v_prediction_is_compared_with_the_velocity(tmp_path: Path) -> None:
    diffusion = LatentDiffusion(tiny.save_diffusion(tmp_path, prediction_type="v_prediction"))
    latents, noise, timesteps, condition = draw()
    noisy = diffusion.schedule.add_noise(latents, noise, timesteps)
    velocity = diffusion.schedule.target(latents, noise, timesteps)
    with torch.no_grad():
        expected = ((diffusion.unet(noisy, timesteps, condition).sample - velocity) ** 2).mean(dim=(1, 2, 3))
    assert not torch.equal(velocity, noise)
    torch.testing.assert_close(diffusion.loss(latents, noise, timesteps, condition), expected)


def test_sdxl_is_told_sizes_and_the_pooled_embedding(sdxl_folder: str) -> None:
    diffusion = LatentDiffusion(sdxl_folder, with_vae=False)
    latents, noise, timesteps, condition = draw()
    noisy = diffusion.schedule.add_noise(latents, noise, timesteps)
    with torch.no_grad():
        predicted = diffusion.unet(noisy, timesteps, condition, added_cond_kwargs=added()).sample
    loss = diffusion.loss(*draw(), added())
    torch.testing.assert_close(loss, ((predicted - noise) ** 2).mean(dim=(1, 2, 3)))
    for name in added():
        assert not torch.allclose(diffusion.loss(*draw(), {**added(), name: 0 * added()[name]}), loss)


def test_the_condition_alone_gets_a_gradient(diffusion: LatentDiffusion) -> None:
    assert gradient(diffusion).abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in diffusion.parameters())
    assert all(parameter.grad is None for parameter in diffusion.parameters())


def test_no_arithmetic_is_spent_on_gradients_of_weights(diffusion: LatentDiffusion) -> None:
    """A backward pass with weight gradients takes twice the forward pass; one to the input takes at most as much."""

    def backward_over_forward() -> float:
        latents, noise, timesteps, condition = draw()
        with FlopCounterMode(display=False) as forward:
            loss = diffusion.loss(latents, noise, timesteps, condition.requires_grad_()).sum()
        with FlopCounterMode(display=False) as backward:
            loss.backward()
        return backward.get_total_flops() / forward.get_total_flops()

    assert backward_over_forward() < 1.1
    diffusion.unet.requires_grad_(True)
    try:
        assert backward_over_forward() > 1.5
    finally:
        diffusion.unet.requires_grad_(False)
        diffusion.unet.zero_grad()


@pytest.mark.parametrize("setting", ["channels_last", "gradient_checkpointing", "compile"])
def test_what_only_changes_the_speed_changes_no_gradient(
    diffusion: LatentDiffusion, diffusion_folder: str, setting: str
) -> None:
    settings: dict[str, Any] = {setting: True, "with_vae": False}
    changed = LatentDiffusion(diffusion_folder, **settings)
    layout = changed.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert layout == (setting == "channels_last")
    assert changed.unet.is_gradient_checkpointing == (setting == "gradient_checkpointing")
    assert (changed.unet._compiled_call_impl is not None) == (setting == "compile")
    with torch.compiler.set_stance("force_eager"):
        torch.testing.assert_close(gradient(changed), gradient(diffusion))


def test_checkpointing_keeps_less_of_the_forward_pass(diffusion: LatentDiffusion, diffusion_folder: str) -> None:
    def kept(diffusion: LatentDiffusion) -> int:
        sizes: list[int] = []
        latents, noise, timesteps, condition = draw()
        with torch.autograd.graph.saved_tensors_hooks(lambda x: sizes.append(x.nbytes) or x, lambda x: x):
            diffusion.loss(latents, noise, timesteps, condition.requires_grad_())
        return sum(sizes)

    checkpointed = LatentDiffusion(diffusion_folder, gradient_checkpointing=True, with_vae=False)
    assert kept(checkpointed) < 0.5 * kept(diffusion)


def test_half_precision_gives_a_float32_loss(diffusion: LatentDiffusion, diffusion_folder: str) -> None:
    half = LatentDiffusion(diffusion_folder, precision="bfloat16")
    assert half.vae is not None
    assert half.unet.dtype == half.vae.model.dtype == torch.bfloat16
    loss = half.loss(*draw())
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, diffusion.loss(*draw()), rtol=0.02, atol=0)


def test_mixed_precision_leaves_it_as_it_is(diffusion: LatentDiffusion) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = diffusion.loss(*draw())
    assert torch.equal(mixed, diffusion.loss(*draw()))


def test_the_vae_is_loaded_only_where_pixels_come_in(diffusion: LatentDiffusion, diffusion_folder: str) -> None:
    assert diffusion.vae is not None
    without = LatentDiffusion(diffusion_folder, with_vae=False)
    assert without.vae is None
    assert without.space == diffusion.space


def test_clip_is_loaded_only_where_its_embedding_is_read(sdxl_folder: str, diffusion_folder: str) -> None:
    assert LatentDiffusion(sdxl_folder, pooled="clip", with_vae=False).pooled_encoder is not None
    assert LatentDiffusion(sdxl_folder, pooled="zeros", with_vae=False).pooled_encoder is None
    assert LatentDiffusion(diffusion_folder, pooled="clip", with_vae=False).pooled_encoder is None


@pytest.mark.parametrize("save", [tiny.save_diffusion, tiny.save_sdxl])
def test_one_file_is_the_same_model_as_the_folder(save: Any, tmp_path: Path) -> None:
    folder = save(tmp_path / "folder")
    single = LatentDiffusion(save_single_file(folder, tmp_path / "model.safetensors"), config=folder)
    extra = added() if save is tiny.save_sdxl else {}
    assert torch.equal(single.loss(*draw(), extra), LatentDiffusion(folder).loss(*draw(), extra))


def test_one_file_without_a_description_is_refused(diffusion_folder: str, tmp_path: Path) -> None:
    path = save_single_file(diffusion_folder, tmp_path / "model.safetensors")
    with pytest.raises(SettingsError, match="set `config` to a diffusers folder or a hub name"):
        LatentDiffusion(path)


def test_another_prediction_type_is_refused(tmp_path: Path) -> None:
    folder = tiny.save_diffusion(tmp_path, prediction_type="sample")
    with pytest.raises(SettingsError, match="the scheduler predicts 'sample'; expected epsilon or v_prediction"):
        LatentDiffusion(folder)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"diffusion model '\S+/model': cannot load its vae; expected"):
        LatentDiffusion(str(tmp_path / "model"))
