"""A text-to-image pipeline around a U-Net and a VAE, from a diffusers folder, a name on the hub or a single file."""

from typing import Any, Literal

import diffusers
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from safetensors import SafetensorError
from transformers import AutoTokenizer, CLIPTextModel, CLIPTextModelWithProjection

from training.checkpoints import description, load_config, load_part
from training.errors import SettingsError
from training.frozen import Precision

Sampler = Literal["base", "dpm++", "ddim", "euler"]
_SAMPLERS = {"dpm++": DPMSolverMultistepScheduler, "ddim": DDIMScheduler, "euler": EulerDiscreteScheduler}


def load_pipeline(
    path: str, *, config: str | None = None, precision: Precision, sampler: Sampler, with_clip: bool
) -> Any:
    """A text-to-image pipeline of Stable Diffusion 1.5 or XL, without a safety checker.

    Args:
        path: a diffusers folder, a name on the hub, or one safetensors file in the original layout.
        config: for one file, the diffusers folder or the name on the hub whose configurations describe it.
        precision: of all weights.
        sampler: DPM-Solver++ (multistep), DDIM or Euler with the checkpoint's noise schedule, or its own scheduler.
        with_clip: load the checkpoint's text encoders too, which a connector does without.

    Raises:
        SettingsError: a part is missing; says which.
    """
    unet = load_part(UNet2DConditionModel, "unet", path, config, precision)
    clip = _load_clip(description(path, config), precision, of_sdxl=reads_pooled(unet)) if with_clip else {}
    vae = load_part(AutoencoderKL, "vae", path, config, precision)
    return build_pipeline(unet, vae, load_scheduler(path, config, sampler), **clip)


def load_scheduler(path: str, config: str | None, sampler: Sampler) -> Any:
    """The sampler over a checkpoint's noise schedule; for the arguments see `load_pipeline`."""
    settings = load_config(DDPMScheduler, "scheduler", path, config)
    kind: Any = _SAMPLERS.get(sampler) or getattr(diffusers, settings["_class_name"], None)
    if kind is None:
        raise SettingsError(
            f"diffusion model {path!r}: no scheduler {settings['_class_name']!r} in diffusers; set another"
        )
    return kind.from_config(settings)


def build_pipeline(unet: Any, vae: Any, scheduler: Any, **clip: Any) -> Any:
    """The pipeline that `unet` is made for; `clip` are its text encoders and tokenizers, if it is to have any."""
    kind: Any = StableDiffusionPipeline
    parts: dict[str, Any] = {"text_encoder": None, "tokenizer": None}
    if reads_pooled(unet):
        kind = StableDiffusionXLPipeline
        parts |= {"text_encoder_2": None, "tokenizer_2": None, "add_watermarker": False}
    else:
        parts |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pipeline = kind(unet=unet, vae=vae, scheduler=scheduler, **{**parts, **clip})
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def reads_pooled(unet: Any) -> bool:
    """Whether `unet` is SDXL's, which reads a pooled embedding and the image's sizes."""
    return bool(unet.config.addition_embed_type == "text_time")


def _load_clip(folder: str, precision: Precision, *, of_sdxl: bool) -> dict[str, Any]:
    models: dict[str, Any] = {"text_encoder": CLIPTextModel}
    if of_sdxl:
        models["text_encoder_2"] = CLIPTextModelWithProjection
    parts: dict[str, Any] = {}
    try:
        for name, kind in models.items():
            tokenizer = name.replace("text_encoder", "tokenizer")
            parts[name] = kind.from_pretrained(
                folder, subfolder=name, dtype=getattr(torch, precision), use_safetensors=True
            )
            parts[tokenizer] = AutoTokenizer.from_pretrained(folder, subfolder=tokenizer)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise SettingsError(
            f"diffusion model {folder!r}: cannot load its {name} and tokenizer; expected them in a diffusers folder "
            f"with safetensors ({error})"
        ) from error
    return parts
