"""CogVLM's eyes: the EVA2-CLIP vision transformer, and the adapter into the language model's width."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captioning.cogvlm.config import CogVLMConfig, VisionConfig


class PatchEmbedding(nn.Module):
    """Patches to vectors, a class embedding in front, learned positions added."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(config.in_channels, config.hidden_size, config.patch_size, stride=config.patch_size)
        self.cls_embedding = nn.Parameter(torch.zeros(1, config.hidden_size))
        self.position_embedding = nn.Embedding(config.num_positions, config.hidden_size)

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 1 + patches, width)."""
        patches = self.proj(pixels).flatten(2).transpose(1, 2)  # (B, patches, width)
        cls = self.cls_embedding.expand(len(pixels), 1, -1)
        return torch.cat([cls, patches], dim=1) + self.position_embedding.weight


class Attention(nn.Module):
    """Full attention among an image's patches."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.query_key_value = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> the same."""
        split = self.query_key_value(x).unflatten(-1, (3, self.num_heads, -1))  # (B, N, 3, heads, head width)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each (B, heads, N, head width)
        mixed = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.dense(mixed.transpose(1, 2).flatten(2))
        return out


class MLP(nn.Module):
    """Two layers with an exact GELU between."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> the same."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class VisionLayer(nn.Module):
    """A transformer layer whose norms come after attention and MLP, inside the residual branches."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.input_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = MLP(config)
        self.post_attention_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> the same."""
        x = x + self.input_layernorm(self.attention(x))
        out: Tensor = x + self.post_attention_layernorm(self.mlp(x))
        return out


class VisionTransformer(nn.Module):
    """The layers, without a norm at the end."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(VisionLayer(config) for _ in range(config.num_hidden_layers))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> the same."""
        for layer in self.layers:
            x = layer(x)
        return x


class Adapter(nn.Module):
    """Into the language model's width, then a gated MLP."""

    def __init__(self, config: CogVLMConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.linear_proj = nn.Linear(config.vision_config.hidden_size, width, bias=False)
        self.norm1 = nn.LayerNorm(width, eps=1e-5)
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.dense_h_to_4h = nn.Linear(width, inner, bias=False)
        self.dense_4h_to_h = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, vision width) -> (B, N, language width)."""
        x = F.gelu(self.norm1(self.linear_proj(x)))
        out: Tensor = self.dense_4h_to_h(F.silu(self.gate_proj(x)) * self.dense_h_to_4h(x))
        return out


class Vision(nn.Module):
    """Images to the tokens that stand for them in the language model's sequence."""

    def __init__(self, config: CogVLMConfig) -> None:
        super().__init__()
        vision = config.vision_config
        self.grid = vision.grid
        self.patch_embedding = PatchEmbedding(vision)
        self.transformer = VisionTransformer(vision)
        self.conv = nn.Conv2d(vision.hidden_size, vision.hidden_size, 2, stride=2) if config.is_v2 else None
        self.linear_proj = Adapter(config)
        self.boi = nn.Parameter(torch.zeros(1, 1, config.hidden_size))
        self.eoi = nn.Parameter(torch.zeros(1, 1, config.hidden_size))

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 1 + patches + 1, language width): begin of image, patches, end of image."""
        x = self.transformer(self.patch_embedding(pixels))[:, 1:]
        if self.conv is not None:
            grid = x.transpose(1, 2).unflatten(2, (self.grid, self.grid))  # (B, width, grid, grid)
            x = self.conv(grid).flatten(2).transpose(1, 2)  # (B, (grid / 2)^2, width)
        rows = len(pixels)
        return torch.cat([self.boi.expand(rows, 1, -1), self.linear_proj(x), self.eoi.expand(rows, 1, -1)], dim=1)
