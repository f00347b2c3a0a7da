"""What an image costs CogVLM at least: floating-point operations and bytes, from the shape of the model.

Only matrix products are counted, two operations a multiplication and addition; all else is small beside them.
"""

from dataclasses import dataclass

from captioning.cogvlm import CogVLMConfig


@dataclass(frozen=True, kw_only=True)
class Device:
    """What a GPU can do at best, dense, in bfloat16.

    Args:
        flops: floating-point operations a second.
        bandwidth: bytes a second between its memory and its cores.
    """

    flops: float
    bandwidth: float


DEVICES = {
    "A100": Device(flops=312e12, bandwidth=2.0e12),
    "H100": Device(flops=989e12, bandwidth=3.35e12),
    "H200": Device(flops=989e12, bandwidth=4.8e12),
}
"""By a part of the name that CUDA gives them: the SXM models' data sheets."""


def vision_flops(config: CogVLMConfig) -> float:
    """Of one image: the vision transformer, CogVLM2's convolution, and the adapter."""
    vision, width, inner = config.vision_config, config.hidden_size, config.intermediate_size
    slots, channels = vision.num_positions, vision.hidden_size
    weights = 4 * channels**2 + 2 * channels * vision.intermediate_size  # of one layer
    layers = vision.num_hidden_layers * (2 * slots * weights + 4 * slots**2 * channels)
    patches = 2 * (slots - 1) * channels * vision.in_channels * vision.patch_size**2
    halving = 2 * config.num_patches * 4 * channels**2 if config.is_v2 else 0
    adapter = 2 * config.num_patches * (channels * width + 3 * width * inner)
    return layers + patches + halving + adapter


def prefill_flops(config: CogVLMConfig, prompt: int) -> float:
    """Of the language layers over one image and `prompt` tokens, and the head at the last one."""
    slots = 3 + config.num_patches + prompt
    attention = 2 * slots**2 * config.hidden_size  # half of all pairs, since it is causal
    head = 2 * config.vocab_size * config.hidden_size
    return config.num_hidden_layers * (2 * slots * _layer_weights(config) + attention) + head


def decode_flops(config: CogVLMConfig, prompt: int, tokens: int) -> float:
    """Of `tokens` more tokens of one row."""
    slots = 3 + config.num_patches + prompt + tokens / 2  # on average
    attention = config.num_hidden_layers * 4 * slots * config.hidden_size
    return tokens * (2 * _language_weights(config) + attention)


def decode_bytes(config: CogVLMConfig, prompt: int, tokens: int, rows: int) -> float:
    """Of `tokens` more tokens of one row, in bfloat16: its share of the weights, and its own keys and values."""
    slots = 3 + config.num_patches + prompt + tokens / 2
    cached = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * slots
    return 2 * tokens * (_language_weights(config) / rows + cached)


def least_seconds(config: CogVLMConfig, device: Device, prompt: int, tokens: int, rows: int) -> float:
    """Of one image among `rows` that are written at once, if `device` were always at its best."""
    seeing = (vision_flops(config) + prefill_flops(config, prompt)) / device.flops
    writing = max(
        decode_flops(config, prompt, tokens) / device.flops,
        decode_bytes(config, prompt, tokens, rows) / device.bandwidth,
    )
    return seeing + writing


def _layer_weights(config: CogVLMConfig) -> float:
    """Weights of one language layer that one token meets, in whichever expert."""
    width = config.hidden_size
    key_value = 2 * config.num_key_value_heads * config.head_dim
    return width * (width + key_value) + width**2 + 3 * width * config.intermediate_size


def _language_weights(config: CogVLMConfig) -> float:
    return config.num_hidden_layers * _layer_weights(config) + config.vocab_size * config.hidden_size
