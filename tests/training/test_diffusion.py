"""The frozen diffusion model: scaled latents, both kinds of prediction, no gradient but the condition's."""

import shutil
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor

from tests.training import tiny
from training.diffusion import LatentDiffusion
from training.errors import SettingsError


@pytest.fixture(scope="module")
def diffusion(diffusion_folder: str) -> LatentDiffusion:
    return LatentDiffusion(diffusion_folder)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Latents, noise, timesteps and condition."""
    latents, noise = torch.randn(2, 2, 4, 8, 8, generator=seeded(0))
    condition = torch.randn(2, 5, tiny.CONDITION_WIDTH, generator=seeded(1))
    return latents, noise, torch.tensor([30, 800]), condition


def test_it_says_what_the_connector_must_fit(diffusion: LatentDiffusion) -> None:
    assert diffusion.condition_width == tiny.CONDITION_WIDTH
    assert diffusion.timesteps == 1000


def test_latents_are_the_vaes_times_the_scaling_factor(diffusion: LatentDiffusion, diffusion_folder: str) -> None:
    pixels = torch.rand(2, 3, 32, 48, generator=seeded(0)) * 2 - 1
    vae = AutoencoderKL.from_pretrained(diffusion_folder, subfolder="vae", low_cpu_mem_usage=False)
    with torch.no_grad():
        expected = vae.encode(pixels).latent_dist.sample(seeded(5)) * vae.config.scaling_factor
    latents = diffusion.encode(pixels, seeded(5))
    assert latents.shape == (2, 4, 4, 6)
    assert vae.config.scaling_factor == 0.18215
    torch.testing.assert_close(latents, expected)
    assert not torch.equal(diffusion.encode(pixels, seeded(6)), latents)


def test_epsilon_is_compared_with_the_noise(diffusion: LatentDiffusion, diffusion_folder: str) -> None:
    latents, noise, timesteps, condition = draw()
    unet = UNet2DConditionModel.from_pretrained(diffusion_folder, subfolder="unet", low_cpu_mem_usage=False)
    kept = diffusion.schedule.alphas_cumprod[timesteps][:, None, None, None]
    with torch.no_grad():
        predicted = unet(kept.sqrt() * latents + (1 - kept).sqrt() * noise, timesteps, condition).sample
    expected = ((predicted - noise) ** 2).mean()
    torch.testing.assert_close(diffusion.loss(latents, noise, timesteps, condition), expected)


def test_v_prediction_is_compared_with_the_velocity(tmp_path: Path) -> None:
    diffusion = LatentDiffusion(tiny.save_diffusion(tmp_path, prediction_type="v_prediction"))
    latents, noise, timesteps, condition = draw()
    kept = diffusion.schedule.alphas_cumprod[timesteps][:, None, None, None]
    noisy = kept.sqrt() * latents + (1 - kept).sqrt() * noise
    velocity = kept.sqrt() * noise - (1 - kept).sqrt() * latents
    with torch.no_grad():
        expected = ((diffusion.unet(noisy, timesteps, condition).sample - velocity) ** 2).mean()
    torch.testing.assert_close(diffusion.loss(latents, noise, timesteps, condition), expected)


def test_the_condition_alone_gets_a_gradient(diffusion: LatentDiffusion) -> None:
    latents, noise, timesteps, condition = draw()
    condition.requires_grad_()
    diffusion.loss(latents, noise, timesteps, condition).backward()
    assert condition.grad is not None
    assert condition.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in diffusion.parameters())
    assert all(parameter.grad is None for parameter in diffusion.parameters())


def test_half_precision_gives_a_float32_loss(diffusion: LatentDiffusion, diffusion_folder: str) -> None:
    half = LatentDiffusion(diffusion_folder, precision="bfloat16")
    assert half.unet.dtype == half.vae.dtype == torch.bfloat16
    assert half.encode(torch.zeros(1, 3, 16, 16), seeded(0)).dtype == torch.float32
    loss = half.loss(*draw())
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(diffusion.loss(*draw()).item(), rel=0.02)


def test_another_prediction_type_is_refused(tmp_path: Path) -> None:
    folder = tiny.save_diffusion(tmp_path, prediction_type="sample")
    with pytest.raises(SettingsError, match="its scheduler predicts 'sample'; expected epsilon or v_prediction"):
        LatentDiffusion(folder)


@pytest.mark.parametrize("part", ["vae", "unet", "scheduler"])
def test_a_missing_part_is_named(diffusion_folder: str, tmp_path: Path, part: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(diffusion_folder, folder, ignore=shutil.ignore_patterns(part))
    with pytest.raises(SettingsError, match=rf"diffusion model '\S+/model': cannot load its {part}; expected"):
        LatentDiffusion(str(folder))
