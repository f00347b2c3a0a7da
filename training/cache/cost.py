"""What a cache takes, from the configurations of its model alone: bytes on disk and arithmetic, a pair."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HALF = 2
"""Bytes of a number of 16 bits."""

VAE_TFLOP = 1.12 / 512**2
"""To encode a pixel with the VAE of SD1.5 or XL at 512 x 512, attention included; at 1024 x 1024 it is 9 % more."""

_UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))

TFLOPS = 400.0
"""What `describe` reckons with: 40 % of an H200's peak in 16 bits."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one pair takes.

    Args:
        bytes: on disk, at most; None where the model's configuration is not on this machine.
        tflop: of arithmetic; None likewise.
    """

    bytes: int | None
    tflop: float | None


def describe(cost: Cost, pairs: int) -> str:
    """Size and time of a cache of `pairs` pairs; of one pair alone where there are none yet."""
    if cost.bytes is None or cost.tflop is None:
        return "its size is known where the model is on this machine"
    one = f"{cost.bytes / 2**10:,.1f} KiB a pair"
    if not pairs:
        return f"at most {one}, {cost.tflop:.2g} TFLOP"
    hours = pairs * cost.tflop / TFLOPS / 3600
    return (
        f"at most {_size(cost.bytes * pairs)} for {pairs:,} pairs ({one}), and "
        f"{f'{hours:,.0f} hours' if hours >= 1 else 'less than an hour'} of a GPU that does {TFLOPS:g} TFLOP/s"
    )


def _size(size: int) -> str:
    """Bytes in the largest unit of which there is a tenth."""
    unit, factor = next((unit, factor) for unit, factor in _UNITS if size >= factor / 10 or factor == 1e3)
    return f"{size / factor:,.1f} {unit}"


def latents_cost(model: str, resolution: int) -> Cost:
    """Of mean and log variance in 16 bits, from a VAE whose form is SD1.5's and XL's where its own is not known."""
    config = _config(f"{model}/vae")
    channels = config.get("latent_channels", 4)
    side = resolution // 2 ** (len(config.get("block_out_channels", [0] * 4)) - 1)
    return Cost(bytes=2 * channels * side**2 * HALF, tflop=VAE_TFLOP * resolution**2)


def text_cost(model: str, length: int, number_bytes: int) -> Cost:
    """Of features of `length` tokens: less on disk where padding is left out."""
    config = _config(model)
    width = config.get("d_model") or config.get("hidden_size")
    if not width:
        return Cost(bytes=None, tflop=None)
    return Cost(bytes=length * width * number_bytes, tflop=2 * _weights(config, width) * length / 1e12)


def _weights(config: dict[str, Any], width: int) -> int:
    """Weights that every token is multiplied with, of a T5 encoder or a LLaMA: attention's four and a gated MLP's."""
    layers = config.get("num_layers") or config.get("num_hidden_layers") or 0
    heads = config.get("num_heads") or config.get("num_attention_heads") or 1
    head_width = config.get("d_kv") or width // heads
    shared = config.get("num_key_value_heads") or heads
    hidden = config.get("d_ff") or config.get("intermediate_size") or 0
    return int(layers * (2 * width * head_width * (heads + shared) + 3 * width * hidden))


def _config(folder: str) -> dict[str, Any]:
    path = Path(folder) / "config.json"
    if not path.is_file():
        return {}
    config: dict[str, Any] = json.loads(path.read_text())
    return config
