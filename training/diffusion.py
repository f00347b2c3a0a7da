"""The frozen half of Stable Diffusion: its VAE, its U-Net, and the loss that a condition gets from them."""

from typing import Any, Literal

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from torch import Tensor

from training.autoencoder import Autoencoder, LatentSpace
from training.checkpoints import description, load_config, load_part
from training.frozen import FrozenModule, Precision
from training.pooled import PooledTextEncoder
from training.schedule import NoiseSchedule

Pooled = Literal["zeros", "clip", "connector"]


class LatentDiffusion(FrozenModule):
    """VAE, U-Net and noise schedule of Stable Diffusion 1.5 or XL, frozen from the start and always in evaluation mode.

    Args:
        path: folder with `vae`, `unet` and `scheduler` as diffusers saves them, name on the hub, or one safetensors
            file in the original layout.
        config: for one file, the diffusers folder or the name on the hub whose configurations describe it.
        precision: what the weights are kept and run in.
        pooled: what SDXL's U-Net gets as the pooled embedding of the caption: `zeros`, that of the checkpoint's own
            second text encoder (`clip`), or that of a head on the connector (`connector`, with the connector's
            `pooled_width`). Nothing to a U-Net that reads none.
        channels_last: keep images with their channels last in memory, which tensor cores like.
        compile: compile the U-Net with torch.compile.
        gradient_checkpointing: keep less of the U-Net's forward pass and compute it twice: slower, larger batches.
        with_vae: load the VAE's weights; without them latents must come from elsewhere.

    Raises:
        SettingsError: a part is missing or does not fit, or the schedule predicts something without a loss here.
    """

    def __init__(
        self,
        path: str,
        config: str | None = None,
        precision: Precision = "float32",
        pooled: Pooled = "zeros",
        channels_last: bool = False,
        compile: bool = False,
        gradient_checkpointing: bool = False,
        with_vae: bool = True,
    ) -> None:
        super().__init__()
        self.path = path
        self.config = config
        self.pooled = pooled
        self.space = LatentSpace.from_pretrained(path, config)
        self.vae = Autoencoder(path, config, precision) if with_vae else None
        self.unet: Any = load_part(UNet2DConditionModel, "unet", path, config, precision)
        # Training needs the noise schedule alone, which DDPM reads from any sampler's configuration.
        scheduler: Any = DDPMScheduler
        self.schedule = NoiseSchedule(scheduler.from_config(load_config(scheduler, "scheduler", path, config)))
        self.pooled_encoder: PooledTextEncoder | None = None
        if pooled == "clip" and self.pooled_width:
            self.pooled_encoder = PooledTextEncoder(description(path, config), precision)
        if channels_last:
            self.unet.to(memory_format=torch.channels_last)
            if self.vae is not None:
                self.vae.to(memory_format=torch.channels_last)
        if gradient_checkpointing:
            self.unet.enable_gradient_checkpointing()
        if compile:
            self.unet.compile()
        self.freeze()

    @property
    def condition_width(self) -> int:
        """Channels that the U-Net's cross-attention reads, C."""
        return int(self.unet.config.cross_attention_dim)

    @property
    def pooled_width(self) -> int:
        """Channels of the pooled embedding that the U-Net reads, P; 0 where it reads none."""
        settings = self.unet.config
        if settings.addition_embed_type != "text_time":
            return 0
        return int(settings.projection_class_embeddings_input_dim - 6 * settings.addition_time_embed_dim)

    def loss(
        self,
        latents: Tensor,
        noise: Tensor,
        timesteps: Tensor,
        condition: Tensor,
        added: dict[str, Tensor] | None = None,
    ) -> Tensor:
        """Mean squared error (B,) of the U-Net's prediction for each pair, in float32.

        Args:
            latents: clean latents, (B, 4, h, w).
            noise: what to add to them, of the same shape.
            timesteps: how much of it, (B,).
            condition: the connector's output, (B, N, C).
            added: what SDXL's U-Net reads beside it: `time_ids`, (B, 6) original height and width, top and left of
                the cut, and height and width as trained on, in pixels; and `text_embeds`, (B, P).
        """
        noisy = self.schedule.add_noise(latents, noise, timesteps)
        dtype = self.unet.dtype
        with self.own_precision():
            predicted: Tensor = self.unet(
                noisy.to(dtype), timesteps, condition.to(dtype), added_cond_kwargs=added
            ).sample  # (B, 4, h, w)
        error = predicted.float() - self.schedule.target(latents, noise, timesteps)
        return error.square().mean(dim=(1, 2, 3))
