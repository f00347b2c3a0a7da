"""The trainer that anybody would write first, after diffusers' own examples, for a connector in front of a U-Net.

Images are encoded and captions embedded in every step. The VAE and the text encoder are frozen as the examples do it;
the U-Net is not, since the optimizer holds the connector alone anyway.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoTokenizer, T5EncoderModel


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What is left to chance in a step.

    Args:
        latents: noise of the VAE's sample, (B, 4, h, w).
        noise: what is added to the latents, (B, 4, h, w).
        timesteps: (B,).
        dropped: whose captions are dropped, (B,).
    """

    latents: Tensor
    noise: Tensor
    timesteps: Tensor
    dropped: Tensor


def train(
    diffusion: str,
    text_encoder: str,
    connector: nn.Module,
    batches: Iterable[Any],
    draw: Callable[[Any], Drawn],
    *,
    device: str = "cpu",
    mixed_precision: bool = False,
) -> Iterator[float]:
    """Train `connector` in place on `batches` with pixels and captions, giving each step's loss.

    Args:
        diffusion: folder of a diffusers pipeline.
        text_encoder: folder of a T5 encoder.
        connector: what learns.
        batches: each one step.
        draw: gives what is left to chance; random numbers of any kind would do.
        device: where to train.
        mixed_precision: bfloat16 weights where nothing learns, autocast elsewhere.
    """
    weight_dtype = torch.bfloat16 if mixed_precision else torch.float32
    tokenizer = AutoTokenizer.from_pretrained(text_encoder)
    encoder: Any = T5EncoderModel.from_pretrained(text_encoder).to(device, weight_dtype)
    vae: Any = AutoencoderKL.from_pretrained(diffusion, subfolder="vae", low_cpu_mem_usage=False)
    unet: Any = UNet2DConditionModel.from_pretrained(diffusion, subfolder="unet", low_cpu_mem_usage=False)
    scheduler: Any = DDPMScheduler.from_pretrained(diffusion, subfolder="scheduler")
    vae.to(device, weight_dtype).requires_grad_(False)
    unet.to(device, torch.float32)
    encoder.requires_grad_(False)
    connector.to(device)
    optimizer = torch.optim.AdamW(connector.parameters(), lr=1e-4, weight_decay=0.01)

    for batch in batches:
        drawn = draw(batch)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=mixed_precision):
            posterior = vae.encode(batch["pixels"].to(device, weight_dtype)).latent_dist
            latents = (posterior.mean + posterior.std * drawn.latents) * vae.config.scaling_factor
            noisy = scheduler.add_noise(latents, drawn.noise, drawn.timesteps)
            dropped = zip(batch["captions"], drawn.dropped.tolist(), strict=True)
            captions = ["" if drop else caption for caption, drop in dropped]
            tokens = tokenizer(captions, padding="max_length", truncation=True, max_length=128, return_tensors="pt")
            states = encoder(**tokens.to(device)).last_hidden_state
            condition = connector(states, drawn.timesteps)
            predicted = unet(noisy, drawn.timesteps, condition, added_cond_kwargs=_added(unet, batch, condition)).sample
            loss = functional.mse_loss(predicted.float(), drawn.noise.float())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        yield loss.item()


def _added(unet: Any, batch: Any, condition: Tensor) -> dict[str, Tensor]:
    """SDXL's sizes, and zeros for its pooled embedding; nothing for another U-Net."""
    if unet.config.addition_embed_type != "text_time":
        return {}
    height, width = batch["pixels"].shape[2:]
    target = torch.tensor([[height, width]]).expand(len(condition), 2)
    pooled = unet.config.projection_class_embeddings_input_dim - 6 * unet.config.addition_time_embed_dim
    return {
        "time_ids": torch.cat([batch["sizes"], batch["crops"], target], dim=1).to(condition),
        "text_embeds": condition.new_zeros(len(condition), pooled),
    }
