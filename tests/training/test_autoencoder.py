"""The VAE's moments and latents against diffusers' own, and its configuration without its weights."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor

from tests.training import tiny
from tests.training.single_file import save_single_file
from training.autoencoder import Autoencoder, LatentSpace
from training.errors import SettingsError


@pytest.fixture(scope="module")
def vae(diffusion_folder: str) -> Autoencoder:
    return Autoencoder(diffusion_folder)


def pixels(height: int = 32, width: int = 48) -> Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_latents_are_the_vaes_times_the_scaling_factor(vae: Autoencoder, diffusion_folder: str) -> None:
    reference = AutoencoderKL.from_pretrained(diffusion_folder, subfolder="vae", low_cpu_mem_usage=False)
    with torch.no_grad():
        posterior = reference.encode(pixels()).latent_dist
    noise = torch.randn(2, 4, 4, 6, generator=torch.Generator().manual_seed(5))
    drawn = posterior.sample(torch.Generator().manual_seed(5))
    latents = vae.space.sample(vae.moments(pixels()), noise)
    assert latents.shape == (2, 4, 4, 6)
    assert vae.space == LatentSpace(scaling_factor=0.18215, shift_factor=0.0, downscale=8)
    torch.testing.assert_close(latents, drawn * 0.18215)


def test_moments_are_mean_and_log_variance() -> None:
    space = LatentSpace(scaling_factor=0.5, shift_factor=0.0, downscale=8)
    mean, variance = torch.full((1, 4, 2, 2), 3.0), torch.full((1, 4, 2, 2), 4.0)
    moments = torch.cat([mean, variance.log()], dim=1)
    assert torch.equal(space.sample(moments, torch.zeros(1, 4, 2, 2)), torch.full((1, 4, 2, 2), 1.5))
    torch.testing.assert_close(space.sample(moments, torch.ones(1, 4, 2, 2)), torch.full((1, 4, 2, 2), 2.5))
    assert space.sample(moments.half(), torch.ones(1, 4, 2, 2)).dtype == torch.float32


def test_extreme_variances_are_bounded_as_in_diffusers() -> None:
    space = LatentSpace(scaling_factor=1.0, shift_factor=0.0, downscale=8)
    moments = torch.zeros(1, 8, 1, 1)
    moments[0, 4:, 0, 0] = torch.tensor([-1000.0, -30.0, 20.0, 1000.0])
    noise = torch.ones(1, 4, 1, 1)
    torch.testing.assert_close(space.sample(moments, noise), DiagonalGaussianDistribution(moments).std)


def test_a_shift_is_taken_off_and_put_back(tmp_path: Path) -> None:
    tiny.save_diffusion(tmp_path)
    path = tmp_path / "vae" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "scaling_factor": 0.5, "shift_factor": 0.25}))
    space = LatentSpace.from_pretrained(str(tmp_path))
    moments = torch.cat([torch.full((1, 4, 2, 2), 3.0), torch.full((1, 4, 2, 2), -40.0)], dim=1)
    latents = space.sample(moments, torch.zeros(1, 4, 2, 2))
    assert latents.unique().tolist() == [(3 - 0.25) * 0.5]
    assert space.codes(latents).unique().tolist() == [3.0]


def test_pixels_come_back_through_the_decoder(vae: Autoencoder, diffusion_folder: str) -> None:
    reference = AutoencoderKL.from_pretrained(diffusion_folder, subfolder="vae", low_cpu_mem_usage=False)
    latents = torch.randn(2, 4, 4, 6)
    with torch.no_grad():
        expected = reference.decode(latents / 0.18215).sample
    decoded = vae.decode(latents)
    assert decoded.shape == (2, 3, 32, 48)
    torch.testing.assert_close(decoded, expected)


def test_it_is_frozen_and_keeps_its_precision(vae: Autoencoder, diffusion_folder: str) -> None:
    assert not any(parameter.requires_grad for parameter in vae.parameters())
    assert not vae.moments(pixels().requires_grad_()).requires_grad
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = vae.moments(pixels())
    assert torch.equal(mixed, vae.moments(pixels()))
    assert Autoencoder(diffusion_folder, precision="bfloat16").moments(pixels()).dtype == torch.bfloat16


def test_it_can_be_one_file(vae: Autoencoder, diffusion_folder: str, tmp_path: Path) -> None:
    path = save_single_file(diffusion_folder, tmp_path / "model.safetensors")
    single = Autoencoder(path, config=diffusion_folder)
    assert single.space == vae.space
    assert torch.equal(single.moments(pixels()), vae.moments(pixels()))


def test_a_folder_without_a_vae_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot load its vae"):
        Autoencoder(str(tmp_path))
