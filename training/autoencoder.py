"""The frozen VAE of a diffusion model: pixels to moments, moments to latents, latents to pixels."""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from training.checkpoints import load_config, load_part
from training.frozen import FrozenModule, Precision


@dataclass(frozen=True, kw_only=True)
class LatentSpace:
    """How a VAE's codes become the latents that its U-Net was trained on, and back.

    Args:
        scaling_factor: what codes are multiplied by.
        shift_factor: what is taken from them before.
        downscale: pixels a latent, along one side.
    """

    scaling_factor: float
    shift_factor: float
    downscale: int

    @classmethod
    def from_pretrained(cls, path: str, config: str | None = None) -> "LatentSpace":
        """Read the VAE's configuration alone; for the arguments see `Autoencoder`."""
        settings = load_config(AutoencoderKL, "vae", path, config)
        return cls(
            scaling_factor=settings["scaling_factor"],
            shift_factor=settings.get("shift_factor") or 0.0,
            downscale=2 ** (len(settings["block_out_channels"]) - 1),
        )

    def sample(self, moments: Tensor, noise: Tensor) -> Tensor:
        """Latents (B, C, h, w) in float32 from moments (B, 2 C, h, w) and standard normal noise (B, C, h, w)."""
        mean, log_variance = moments.float().chunk(2, dim=1)
        deviation = (0.5 * log_variance.clamp(-30, 20)).exp()  # the bounds of latent diffusion's own code
        return (mean + deviation * noise - self.shift_factor) * self.scaling_factor

    def codes(self, latents: Tensor) -> Tensor:
        """What the VAE decodes, for latents of the same shape."""
        return latents / self.scaling_factor + self.shift_factor


class Autoencoder(FrozenModule):
    """The VAE of a Stable Diffusion checkpoint, frozen from the start.

    Args:
        path: a diffusers folder with `vae`, a name on the hub, or one safetensors file in the original layout.
        config: for one file, the diffusers folder or the name on the hub whose configurations describe it.
        precision: what the weights are kept and run in.

    Raises:
        SettingsError: there is no VAE at `path`.
    """

    def __init__(self, path: str, config: str | None = None, precision: Precision = "float32") -> None:
        super().__init__()
        self.path = path
        self.precision = precision
        self.space = LatentSpace.from_pretrained(path, config)
        self.model: Any = load_part(AutoencoderKL, "vae", path, config, precision)
        self.freeze()

    @torch.no_grad()
    def moments(self, pixels: Tensor) -> Tensor:
        """Mean and log variance (B, 2 C, H / 8, W / 8), unscaled, of pixels (B, 3, H, W) in [-1, 1]."""
        with self.own_precision():
            moments: Tensor = self.model.encode(pixels.to(self.model.dtype)).latent_dist.parameters
        return moments

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Pixels (B, 3, H, W), about [-1, 1], in float32 of latents (B, C, H / 8, W / 8)."""
        codes = self.space.codes(latents).to(self.model.dtype)
        with self.own_precision():
            pixels: Tensor = self.model.decode(codes).sample
        return pixels.float()
