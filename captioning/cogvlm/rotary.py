"""Rotary position embeddings (Su et al., 2021), in the layout that turns a head's first half against its second."""

import torch
from torch import Tensor

Rotation = tuple[Tensor, Tensor]
"""Cosine and sine of each position's angles, both (B or 1, 1, T, head width / 2), in float32."""


def rotation(positions: Tensor, head_dim: int, base: float) -> Rotation:
    """Cosine and sine for `positions` (B or 1, T).

    Angles stay in float32 whatever the model's type: bfloat16 cannot tell positions over 256 apart.
    """
    exponents = torch.arange(0, head_dim, 2, device=positions.device, dtype=torch.float32) / head_dim
    angles = positions[:, None, :, None].float() * base**-exponents  # (B or 1, 1, T, head_dim / 2)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, by: Rotation) -> Tensor:
    """Turn queries or keys (B, heads, T, head width) by their positions' angles."""
    cos, sin = by
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).to(x.dtype)
