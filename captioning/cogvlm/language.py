"""CogVLM's language layers: Llama's, with a second set of weights, the visual expert, for an image's slots.

Wang et al., "CogVLM: Visual Expert for Pretrained Language Models", 2023.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captioning.cogvlm.cache import Memory
from captioning.cogvlm.config import CogVLMConfig
from captioning.cogvlm.rotary import Rotation, rotate

Expert = Callable[[Tensor], Tensor]


class RMSNorm(nn.Module):
    """Root mean square norm that multiplies by its weight in float32 and casts after."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> the same."""
        exact = x.float()
        exact = exact * torch.rsqrt(exact.square().mean(-1, keepdim=True) + self.eps)
        return (self.weight * exact).to(x.dtype)


def route(x: Tensor, image: slice | None, *, vision: Expert, language: Expert) -> Tensor:
    """Apply `vision` to the slots in `image` and `language` to the others of `x` (B, T, width)."""
    if image is None:
        return language(x)
    seen = vision(x[:, image].contiguous())  # as one matrix, and not as one a row, which is slower
    said = language(torch.cat([x[:, : image.start], x[:, image.stop :]], dim=1))
    return torch.cat([said[:, : image.start], seen, said[:, image.start :]], dim=1)


class VisualExpertAttention(nn.Module):
    """Causal attention over all slots, whose projections differ between image and text."""

    def __init__(self, config: CogVLMConfig) -> None:
        super().__init__()
        width, kv_width = config.hidden_size, config.num_key_value_heads * config.head_dim
        self.head_dim = config.head_dim
        self.widths = [width, kv_width, kv_width]
        self.grouped = kv_width < width
        self.vision_expert_query_key_value = nn.Linear(width, sum(self.widths), bias=config.is_v2)
        self.language_expert_query_key_value = nn.Linear(width, sum(self.widths), bias=False)
        self.vision_expert_dense = nn.Linear(width, width, bias=False)
        self.language_expert_dense = nn.Linear(width, width, bias=False)

    def forward(
        self, x: Tensor, image: slice | None, turn: Rotation, mask: Tensor | None, memory: Memory | None
    ) -> Tensor:
        """(B, T, width) -> the same."""
        mixed = route(
            x, image, vision=self.vision_expert_query_key_value, language=self.language_expert_query_key_value
        )
        query, key, value = (self._heads(part) for part in torch.split(mixed, self.widths, dim=-1))
        query, key = rotate(query, turn), rotate(key, turn)
        if memory is not None:
            key, value = memory(key, value)
        out = F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=mask is None, enable_gqa=self.grouped
        )
        out = out.transpose(1, 2).flatten(2)  # (B, T, width)
        return route(out, image, vision=self.vision_expert_dense, language=self.language_expert_dense)

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], -1, self.head_dim).transpose(1, 2)  # (B, heads, T, head width)


class MLP(nn.Module):
    """Llama's gated MLP."""

    def __init__(self, config: CogVLMConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> the same."""
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class VisualExpertMLP(nn.Module):
    """An MLP for the image's slots and one for the others."""

    def __init__(self, config: CogVLMConfig) -> None:
        super().__init__()
        self.language_mlp = MLP(config)
        self.vision_mlp = MLP(config)

    def forward(self, x: Tensor, image: slice | None) -> Tensor:
        """(B, T, width) -> the same."""
        return route(x, image, vision=self.vision_mlp, language=self.language_mlp)


class DecoderLayer(nn.Module):
    """Attention, then MLP, each after its norm and beside a residual."""

    def __init__(self, config: CogVLMConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = VisualExpertAttention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = VisualExpertMLP(config)

    def forward(
        self, x: Tensor, image: slice | None, turn: Rotation, mask: Tensor | None, memory: Memory | None
    ) -> Tensor:
        """Run one layer.

        Args:
            x: (B, T, width).
            image: the slots of `x` that go through the vision expert, if any.
            turn: rotation by the slots' positions.
            mask: (B, 1, T, keys), True where a slot attends; None for plain causal attention.
            memory: takes the keys and values of `x`, and gives those to attend to; None for those of `x` alone.

        Returns:
            (B, T, width).
        """
        x = x + self.self_attn(self.input_layernorm(x), image, turn, mask, memory)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x), image)
        return out
