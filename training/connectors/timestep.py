"""How a timestep enters a connector: its embedding, and the norms and gates that listen to it or do not."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def sinusoid(timestep: Tensor, channels: int) -> Tensor:
    """Sinusoidal features (B, channels) of timesteps (B,): cosines first, wavelengths from 2 pi to 10000 * 2 pi."""
    half = channels // 2
    exponents = torch.arange(half, dtype=torch.float32, device=timestep.device) / half
    angles = timestep.float()[:, None] * torch.exp(-math.log(10_000) * exponents)  # (B, channels / 2)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class TimestepEmbedding(nn.Module):
    """Two linear layers from a timestep's sinusoid to its embedding, as in diffusion U-Nets."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.channels = channels
        self.linear_1 = nn.Linear(channels, width)
        self.linear_2 = nn.Linear(width, width)

    def forward(self, timestep: Tensor) -> Tensor:
        """Embedding (B, C) of timesteps (B,)."""
        features = sinusoid(timestep, self.channels).to(self.linear_1.weight.dtype)
        embedding: Tensor = self.linear_2(functional.silu(self.linear_1(features)))
        return embedding


class AdaptiveLayerNorm(nn.Module):
    """LayerNorm whose shift and scale come from the timestep; both start at zero, a plain LayerNorm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 2 * width)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Normalise x (B, L, C) under the timestep embedding (B, C)."""
        modulation: Tensor = self.linear(functional.silu(time))[:, None]  # (B, 1, 2 C)
        shift, scale = modulation.chunk(2, dim=-1)
        return functional.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


class TimelessLayerNorm(nn.LayerNorm):
    """LayerNorm with a scale and a shift of its own, the same at every timestep."""

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        """Normalise x (B, L, C)."""
        return super().forward(x)


class TimestepGate(nn.Linear):
    """Multiplies by what the timestep says, which starts at zero: a block behind it starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__(width, width)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:  # type: ignore[override]
        """Scale x (B, N, C) by the timestep embedding (B, C)."""
        return x * super().forward(functional.silu(time))[:, None]


class OpenGate(nn.Module):
    """Lets everything through, at every timestep."""

    def __init__(self, width: int) -> None:
        super().__init__()

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        """Give x (B, N, C) back."""
        return x
