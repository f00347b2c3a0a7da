"""CogVLM's weights on disk: one safetensors file, or shards with an index; every tensor accounted for."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from huggingface_hub import save_torch_state_dict
from safetensors import SafetensorError, safe_open
from torch import Tensor

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

TOLERATED = re.compile(r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq")
"""Rotary frequencies, which published checkpoints hold beside the weights; they follow from the config."""


def load(
    folder: str | Path, *, like: Mapping[str, Tensor], dtype: torch.dtype, device: torch.device
) -> dict[str, Tensor]:
    """Read the tensors that `like` names, one by one, straight to `dtype` and `device`.

    All names and shapes are checked before the first tensor is read.

    Args:
        folder: holds model.safetensors, or its shards with model.safetensors.index.json.
        like: names and shapes to expect; their values are not looked at.
        dtype: type of the result.
        device: where the result goes.

    Raises:
        ValueError: a file is missing or broken, or tensors are missing, unexpected or of another shape.
    """
    files = _files(Path(folder))
    shapes = {file: _shapes(file) for file in files}
    _require_same(Path(folder), like, [shape for file in files for shape in shapes[file].items()])
    weights: dict[str, Tensor] = {}
    for file in files:
        with safe_open(file, framework="pt", device=str(device)) as tensors:
            # A copy, because a tensor on the CPU stays a view of the file, which someone may write to.
            weights |= {name: tensors.get_tensor(name).to(dtype, copy=True) for name in shapes[file] if name in like}
    return weights


def save(folder: str | Path, weights: Mapping[str, Tensor], *, max_shard_size: int) -> None:
    """Write `weights` to model.safetensors, or to shards with an index where they need several files."""
    save_torch_state_dict(dict(weights), folder, max_shard_size=max_shard_size)


def _files(folder: Path) -> list[Path]:
    index = folder / INDEX
    if not index.is_file():
        if (folder / SINGLE).is_file():
            return [folder / SINGLE]
        raise ValueError(f"{folder}: neither {INDEX} nor {SINGLE}; expected the folder of a CogVLM checkpoint")
    try:
        files = [folder / name for name in sorted(set(json.loads(index.read_text())["weight_map"].values()))]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{index}: not an index of shards ({error}); download it again") from error
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise ValueError(
            f"{folder}: {len(missing)} of {len(files)} files that {INDEX} names are missing ({_some(missing)}); "
            "download the checkpoint again"
        )
    return files


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    try:
        with safe_open(file, framework="pt") as tensors:
            return {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{file}: not a whole safetensors file ({error}); download it again") from error


def _require_same(folder: Path, like: Mapping[str, Tensor], found: Iterable[tuple[str, tuple[int, ...]]]) -> None:
    shapes = dict(found)
    missing = like.keys() - shapes.keys()
    unexpected = [name for name in shapes.keys() - like.keys() if not TOLERATED.fullmatch(name)]
    reshaped = [
        f"{name} is {shapes[name]}, not {tuple(tensor.shape)}"
        for name, tensor in like.items()
        if name in shapes and shapes[name] != tuple(tensor.shape)
    ]
    faults = {"missing": missing, "unexpected": unexpected, "of another shape": reshaped}
    said = [f"{len(names)} tensors {fault} ({_some(names)})" for fault, names in faults.items() if names]
    if said:
        raise ValueError(f"{folder}: the weights do not fit config.json: {'; '.join(said)}")


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:3]) + (", ..." if len(listed) > 3 else "")
