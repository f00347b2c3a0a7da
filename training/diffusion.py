"""The frozen half of Stable Diffusion: its VAE, its U-Net, and the loss that a condition gets from them."""

from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional

from training.errors import SettingsError
from training.frozen import FrozenModule, Precision


class LatentDiffusion(FrozenModule):
    """VAE, U-Net and noise schedule of a diffusers folder, frozen from the start and always in evaluation mode.

    Args:
        path: folder with `vae`, `unet` and `scheduler` as diffusers saves them, or name on the hub.
        precision: what the weights are kept and run in.

    Raises:
        SettingsError: a part is missing, or the schedule predicts something that there is no loss for.
    """

    def __init__(self, path: str, precision: Precision = "float32") -> None:
        super().__init__()
        weights = {"torch_dtype": getattr(torch, precision), "use_safetensors": True}
        # Loading in little memory is left off, because it needs the accelerate package.
        self.vae: Any = _load(AutoencoderKL, path, "vae", **weights, low_cpu_mem_usage=False)
        self.unet: Any = _load(UNet2DConditionModel, path, "unet", **weights, low_cpu_mem_usage=False)
        # Training needs the noise schedule alone, which DDPM reads from any sampler's configuration.
        self.schedule: Any = _load(DDPMScheduler, path, "scheduler")
        if self.schedule.config.prediction_type not in ("epsilon", "v_prediction"):
            raise SettingsError(
                f"diffusion model {path!r}: its scheduler predicts {self.schedule.config.prediction_type!r}; "
                "expected epsilon or v_prediction"
            )
        self.freeze()

    @property
    def condition_width(self) -> int:
        """Channels that the U-Net's cross-attention reads, C."""
        return int(self.unet.config.cross_attention_dim)

    @property
    def timesteps(self) -> int:
        """Timesteps of the schedule; they are numbered from 0."""
        return int(self.schedule.config.num_train_timesteps)

    @torch.no_grad()
    def encode(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Scaled float32 latents (B, 4, H / 8, W / 8) of pixels (B, 3, H, W) in [-1, 1], drawn with `generator`."""
        posterior = self.vae.encode(pixels.to(self.vae.dtype)).latent_dist
        latents: Tensor = posterior.sample(generator).float() * self.vae.config.scaling_factor
        return latents

    def loss(self, latents: Tensor, noise: Tensor, timesteps: Tensor, condition: Tensor) -> Tensor:
        """Mean squared error of the U-Net's prediction, in float32.

        Args:
            latents: clean latents, (B, 4, h, w).
            noise: what to add to them, of the same shape.
            timesteps: how much of it, (B,).
            condition: the connector's output, (B, N, C).
        """
        noisy = self.schedule.add_noise(latents, noise, timesteps)
        dtype = self.unet.dtype
        predicted = self.unet(noisy.to(dtype), timesteps, condition.to(dtype)).sample  # (B, 4, h, w)
        return functional.mse_loss(predicted.float(), self._target(latents, noise, timesteps).float())

    def _target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        if self.schedule.config.prediction_type == "epsilon":
            return noise
        velocity: Tensor = self.schedule.get_velocity(latents, noise, timesteps)
        return velocity


def _load(kind: Any, path: str, part: str, **options: Any) -> Any:
    try:
        return kind.from_pretrained(path, subfolder=part, **options)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise SettingsError(
            f"diffusion model {path!r}: cannot load its {part}; expected a diffusers folder or a hub name with vae, "
            f"unet and scheduler in safetensors ({error})"
        ) from error
