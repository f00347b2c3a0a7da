"""A diffusers folder's U-Net and VAE as one safetensors file in the layout of the original checkpoints."""

import re
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

RESNET = (
    ("norm1.", "in_layers.0."),
    ("conv1.", "in_layers.2."),
    ("time_emb_proj.", "emb_layers.1."),
    ("norm2.", "out_layers.0."),
    ("conv2.", "out_layers.3."),
    ("conv_shortcut.", "skip_connection."),
)
UNET = (
    ("time_embedding.linear_1.", "time_embed.0."),
    ("time_embedding.linear_2.", "time_embed.2."),
    ("add_embedding.linear_1.", "label_emb.0.0."),
    ("add_embedding.linear_2.", "label_emb.0.2."),
    ("conv_in.", "input_blocks.0.0."),
    ("conv_norm_out.", "out.0."),
    ("conv_out.", "out.2."),
    ("mid_block.resnets.0.", "middle_block.0."),
    ("mid_block.attentions.0.", "middle_block.1."),
    ("mid_block.resnets.1.", "middle_block.2."),
)
VAE = (
    ("mid_block.resnets.0.", "mid.block_1."),
    ("mid_block.resnets.1.", "mid.block_2."),
    ("mid_block.attentions.0.group_norm.", "mid.attn_1.norm."),
    ("mid_block.attentions.0.to_q.", "mid.attn_1.q."),
    ("mid_block.attentions.0.to_k.", "mid.attn_1.k."),
    ("mid_block.attentions.0.to_v.", "mid.attn_1.v."),
    ("mid_block.attentions.0.to_out.0.", "mid.attn_1.proj_out."),
    ("conv_norm_out.", "norm_out."),
    ("conv_shortcut.", "nin_shortcut."),
)


def save_single_file(folder: str, path: Path, layers: int = 1) -> str:
    """Write the models of `folder`, with as many `layers` a block, to `path`."""
    unet = load_file(Path(folder) / "unet" / "diffusion_pytorch_model.safetensors")
    vae = load_file(Path(folder) / "vae" / "diffusion_pytorch_model.safetensors")
    attending = {int(index) for index in re.findall(r"up_blocks\.(\d+)\.attentions", " ".join(unet))}
    tensors = {f"model.diffusion_model.{_unet(key, layers, attending)}": tensor for key, tensor in unet.items()}
    for key, tensor in vae.items():
        name = _vae(key)
        is_matrix = ".attn_1." in name and tensor.ndim == 2
        tensors[f"first_stage_model.{name}"] = tensor[..., None, None].contiguous() if is_matrix else tensor
    tensors["alphas_cumprod"] = torch.zeros(3)  # what else is in such a file is nobody's business
    save_file(tensors, path)
    return str(path)


def _unet(key: str, layers: int, attending: set[int]) -> str:
    def block(match: re.Match[str]) -> str:
        way, level, kind, layer = match[1], int(match[2]), match[3], int(match[4])
        if way == "down":
            last, place = layers + 1, {"resnets": 0, "attentions": 1, "downsamplers": 0}[kind]
            index = last * level + (last if kind == "downsamplers" else layer + 1)
            return f"input_blocks.{index}.{place}."
        upsampler = 2 if level in attending else 1
        index = (layers + 1) * level + (layers if kind == "upsamplers" else layer)
        return f"output_blocks.{index}.{ {'resnets': 0, 'attentions': 1, 'upsamplers': upsampler}[kind] }."

    renamed = re.sub(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.", block, _replace(key, UNET))
    if ".resnets." in key:
        renamed = _replace(renamed, RESNET)
    return re.sub(r"(input_blocks\.\d+\.0\.)conv\.", r"\1op.", renamed) if "downsamplers" in key else renamed


def _vae(key: str) -> str:
    levels = 4
    key = re.sub(r"down_blocks\.(\d+)\.resnets\.(\d+)\.", r"down.\1.block.\2.", key)
    key = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0\.", r"down.\1.downsample.", key)
    key = re.sub(
        r"up_blocks\.(\d+)\.resnets\.(\d+)\.", lambda match: f"up.{levels - 1 - int(match[1])}.block.{match[2]}.", key
    )
    key = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0\.", lambda match: f"up.{levels - 1 - int(match[1])}.upsample.", key)
    return _replace(key, VAE)


def _replace(key: str, names: Iterable[tuple[str, str]]) -> str:
    for old, new in names:
        key = re.sub(rf"(^|\.){re.escape(old)}", lambda match, new=new: match[1] + new, key)
    return key
