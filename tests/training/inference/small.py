"""Small pipelines of every kind, with random weights, saved in the published layouts and loaded from them."""

from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    EulerDiscreteScheduler,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from pipelines.miniature import networks, vocabularies
from tests.training import tiny

SIZE = 32
TEXTS = ["a red square on black", "a blue square on grey", "a green square"]
RED, BLUE, GREEN = TEXTS


def save_sd15(folder: Path) -> str:
    """A Stable Diffusion 1.5 in small."""
    vocabulary = vocabularies.save_clip(folder / "tokenizer", TEXTS)
    networks.save_stable_diffusion(folder, seed=0, text_encoder_vocabulary=vocabulary)
    return str(folder)


def save_sdxl(folder: Path) -> str:
    """An SDXL in small: two text encoders, pooled embedding and time ids."""
    torch.manual_seed(2)
    vocabulary = vocabularies.save_clip(folder / "tokenizer", TEXTS)
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    clip = CLIPTextConfig(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=77, projection_dim=32, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=tiny.CONDITION_WIDTH, attention_head_dim=(2, 4), use_linear_projection=True,
        addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 32,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8), layers_per_block=1, latent_channels=4, norm_num_groups=4, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    StableDiffusionXLPipeline(
        vae=vae, text_encoder=CLIPTextModel(clip), text_encoder_2=CLIPTextModelWithProjection(clip),
        tokenizer=tokenizer, tokenizer_2=tokenizer, unet=unet,
        scheduler=EulerDiscreteScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012),
    ).save_pretrained(folder)  # fmt: skip
    return str(folder)


def save_controlnet(folder: Path, base: str) -> str:
    """A ControlNet for the U-Net of `base`, whose output layers are not the zeros that it would start to learn from."""
    unet = UNet2DConditionModel.from_pretrained(base, subfolder="unet", low_cpu_mem_usage=False)
    controlnet = ControlNetModel.from_unet(unet)
    torch.manual_seed(3)
    for name, weight in controlnet.named_parameters():
        if "controlnet_" in name:
            torch.nn.init.normal_(weight, std=0.1)
    controlnet.save_pretrained(folder)
    return str(folder)


def save_connector(path: Path, depth: int = 2) -> str:
    """Random weights under the very keys of the authors' released file, written without any code of ours."""
    width, generator = tiny.CONDITION_WIDTH, torch.Generator().manual_seed(4)
    shapes = {"connector.latents": (6, width)}
    linears = {
        "time_embedding.linear_1": (16, width),
        "time_embedding.linear_2": (width, width),
        "connector.time_aware_linear": (width, width),
        "connector.proj_in": (tiny.TEXT_WIDTH, width),
    }
    for block in (f"connector.perceiver_blocks.{number}" for number in range(depth)):
        shapes |= {f"{block}.attn.in_proj_weight": (3 * width, width), f"{block}.attn.in_proj_bias": (3 * width,)}
        linears |= {
            f"{block}.attn.out_proj": (width, width),
            f"{block}.mlp.c_fc": (width, 4 * width),
            f"{block}.mlp.c_proj": (4 * width, width),
            **{f"{block}.{norm}.linear": (width, 2 * width) for norm in ("ln_1", "ln_2", "ln_ff")},
        }
    for name, (inputs, outputs) in linears.items():
        shapes |= {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
    tensors = {key: 0.15 * torch.randn(shape, generator=generator) for key, shape in shapes.items()}
    safetensors.torch.save_file(tensors, path)
    return str(path)


def load(kind: Any, base: str, **parts: Any) -> Any:
    """A pipeline of that kind from the folder `base`."""
    pipeline = kind.from_pretrained(base, low_cpu_mem_usage=False, **parts)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def load_kind(folders: Path, kind: Any, base: str, **parts: Any) -> Any:
    """A pipeline of that kind from the folders that the tests share, with a ControlNet if it wants one."""
    if "ControlNet" in kind.__name__:
        controlnet = ControlNetModel.from_pretrained(folders / f"{base}-controlnet", low_cpu_mem_usage=False)
        parts.setdefault("controlnet", controlnet)
    return load(kind, str(folders / base), **parts)


def draw(pipeline: Any, prompt: str | list[str] | None = RED, **options: Any) -> np.ndarray:
    """Pixels (B, H, W, 3) of two steps of `pipeline`, from the same noise every time."""
    embeds = options.get("prompt_embeds")
    count = len(embeds) if embeds is not None else len([prompt] if isinstance(prompt, str) else prompt or [])
    settings: dict[str, Any] = {"num_inference_steps": 2, "guidance_scale": 5.0, "output_type": "np", **options}
    if "image" not in options:
        settings |= {"height": SIZE, "width": SIZE}
    seeds = range(count * options.get("num_images_per_prompt", 1))
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    pixels: np.ndarray = pipeline(prompt, generator=generators, **settings).images
    return pixels


def picture() -> Image.Image:
    """A picture to start from, or to be controlled by."""
    ramp = np.linspace(0, 255, SIZE, dtype=np.uint8)
    grey = np.full((SIZE, SIZE), 90, np.uint8)
    return Image.fromarray(np.stack([np.tile(ramp, (SIZE, 1)), np.tile(ramp[:, None], SIZE), grey], axis=-1))


def mask() -> Image.Image:
    """White where inpainting is to paint: the right half."""
    pixels = np.zeros((SIZE, SIZE), np.uint8)
    pixels[:, SIZE // 2 :] = 255
    return Image.fromarray(pixels)


START = {"image": picture(), "strength": 1.0}
PAINT = {**START, "mask_image": mask(), "height": SIZE, "width": SIZE}
"""Options of image to image, and of inpainting."""
