"""CogVLM once more, slowly: one image, one position at a time, from the description of the published model.

It shares no code with the model that it checks, and computes in float64, so that what differs is the model's own
rounding. Every slot's expert and rotary position come from token types, as the published routing defines them, and
attention is masked, uncached and in full.
"""

import cmath

import torch
from torch import Tensor

from captioning.cogvlm import CogVLMConfig

Weights = dict[str, Tensor]


def logits(weights: Weights, config: CogVLMConfig, pixels: Tensor, text: list[int]) -> Tensor:
    """Logits (T, vocabulary) after every slot, for one image (3, S, S) and the token ids that follow it."""
    weights = {name: tensor.double() for name, tensor in weights.items()}
    image = _vision(weights, config, pixels.double())
    embedding = weights["model.embed_tokens.weight"]
    x = torch.stack([embedding[config.bos_token_id], *image, *(embedding[token] for token in text)])
    types = [0] + [1] * len(image) + [0] * len(text)
    sees = [kind == 1 and following == 1 for kind, following in zip(types, [*types[1:], 0], strict=True)]
    positions = [0, 1] + [2] * (len(image) - 2) + [3] + [4 + index for index in range(len(text))]
    for layer in range(config.num_hidden_layers):
        x = _layer(weights, config, f"model.layers.{layer}.", x, sees, positions)
    return _rms_norm(x, weights["model.norm.weight"], config) @ weights["lm_head.weight"].T


def _layer(
    weights: Weights, config: CogVLMConfig, layer: str, x: Tensor, sees: list[bool], positions: list[int]
) -> Tensor:
    kinds = ["vision" if seeing else "language" for seeing in sees]
    normed = _rms_norm(x, weights[layer + "input_layernorm.weight"], config)
    queries, keys, values = [], [], []
    for slot, kind in enumerate(kinds):
        name = f"{layer}self_attn.{kind}_expert_query_key_value."
        mixed = weights[name + "weight"] @ normed[slot]
        if name + "bias" in weights:
            mixed = mixed + weights[name + "bias"]
        heads = mixed.reshape(-1, config.hidden_size // config.num_attention_heads)
        many, few = config.num_attention_heads, config.num_multi_query_heads or config.num_attention_heads
        queries.append(_rotate(heads[:many], positions[slot], config))
        keys.append(_rotate(heads[many : many + few], positions[slot], config).repeat_interleave(many // few, 0))
        values.append(heads[many + few :].repeat_interleave(many // few, 0))
    mixed = _attend(torch.stack(queries, 1), torch.stack(keys, 1), torch.stack(values, 1), causal=True)
    rows = [weights[f"{layer}self_attn.{kind}_expert_dense.weight"] @ mixed[slot] for slot, kind in enumerate(kinds)]
    x = x + torch.stack(rows)
    normed = _rms_norm(x, weights[layer + "post_attention_layernorm.weight"], config)
    rows = []
    for slot, kind in enumerate(kinds):
        gate, up, down = (weights[f"{layer}mlp.{kind}_mlp.{part}_proj.weight"] for part in ("gate", "up", "down"))
        opened = gate @ normed[slot]
        rows.append(down @ (opened * torch.sigmoid(opened) * (up @ normed[slot])))
    return x + torch.stack(rows)


def _rotate(heads: Tensor, position: int, config: CogVLMConfig) -> Tensor:
    """Channels j and j + half are one complex number, turned by position * base^(-j / half)."""
    base, half = (500_000 if config.num_multi_query_heads else 10_000), heads.shape[1] // 2
    angles = [position * base ** (-channel / half) for channel in range(half)]
    turns = torch.tensor([cmath.exp(1j * angle) for angle in angles], dtype=torch.complex128)
    turned = torch.complex(heads[:, :half], heads[:, half:]) * turns
    return torch.cat([turned.real, turned.imag], dim=1)


def _attend(query: Tensor, key: Tensor, value: Tensor, *, causal: bool) -> Tensor:
    """(heads, T, head width) three times -> (T, width)."""
    scores = query @ key.transpose(1, 2) / query.shape[-1] ** 0.5
    if causal:
        ahead = torch.ones(scores.shape[1:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(ahead, float("-inf"))
    return torch.cat(list(scores.softmax(-1) @ value), dim=-1)


def _rms_norm(x: Tensor, weight: Tensor, config: CogVLMConfig) -> Tensor:
    return x / (x.pow(2).mean(-1, keepdim=True) + config.rms_norm_eps).sqrt() * weight


def _layer_norm(x: Tensor, weights: Weights, name: str, eps: float) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.pow(2).mean(-1, keepdim=True) + eps).sqrt()
    return scaled * weights[name + ".weight"] + weights[name + ".bias"]


def _linear(x: Tensor, weights: Weights, name: str) -> Tensor:
    return x @ weights[name + ".weight"].T + weights[name + ".bias"]


def _gelu(x: Tensor) -> Tensor:
    return x * 0.5 * (1 + torch.erf(x / 2**0.5))


def _vision(weights: Weights, config: CogVLMConfig, pixels: Tensor) -> list[Tensor]:
    """Begin of image, patches, end of image."""
    vision, shape = "model.vision.", config.vision_config
    edge, grid = shape.patch_size, shape.image_size // shape.patch_size
    kernel = weights[vision + "patch_embedding.proj.weight"].flatten(1)
    rows = [weights[vision + "patch_embedding.cls_embedding"][0]]
    for down in range(grid):
        for across in range(grid):
            patch = pixels[:, down * edge : (down + 1) * edge, across * edge : (across + 1) * edge]
            rows.append(kernel @ patch.flatten() + weights[vision + "patch_embedding.proj.bias"])
    x = torch.stack(rows) + weights[vision + "patch_embedding.position_embedding.weight"]
    for index in range(shape.num_hidden_layers):
        layer = f"{vision}transformer.layers.{index}."
        mixed = _linear(x, weights, layer + "attention.query_key_value")
        query, key, value = mixed.reshape(len(x), 3, shape.num_heads, -1).permute(1, 2, 0, 3)
        attended = _linear(_attend(query, key, value, causal=False), weights, layer + "attention.dense")
        x = x + _layer_norm(attended, weights, layer + "input_layernorm", shape.layer_norm_eps)
        inner = _linear(_gelu(_linear(x, weights, layer + "mlp.fc1")), weights, layer + "mlp.fc2")
        x = x + _layer_norm(inner, weights, layer + "post_attention_layernorm", shape.layer_norm_eps)
    x = x[1:]
    if config.num_multi_query_heads:
        x = _halve(weights, x.reshape(grid, grid, -1))
    adapter = vision + "linear_proj."
    x = x @ weights[adapter + "linear_proj.weight"].T
    x = _gelu(_layer_norm(x, weights, adapter + "norm1", 1e-5))
    gate = x @ weights[adapter + "gate_proj.weight"].T
    x = gate * torch.sigmoid(gate) * (x @ weights[adapter + "dense_h_to_4h.weight"].T)
    x = x @ weights[adapter + "dense_4h_to_h.weight"].T
    return [weights[vision + "boi"][0, 0], *x, weights[vision + "eoi"][0, 0]]


def _halve(weights: Weights, x: Tensor) -> Tensor:
    """CogVLM2's convolution: every square of 2 x 2 patches becomes one."""
    kernel, bias = weights["model.vision.conv.weight"], weights["model.vision.conv.bias"]
    rows = []
    for down in range(0, x.shape[0], 2):
        for across in range(0, x.shape[1], 2):
            corners = ((kernel[:, :, i, j] @ x[down + i, across + j]) for i in (0, 1) for j in (0, 1))
            rows.append(sum(corners, start=bias))
    return torch.stack(rows)
