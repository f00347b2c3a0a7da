"""ELLA's timestep-aware semantic connector: a resampler whose every normalisation listens to the timestep.

The architecture of "ELLA: Equip Diffusion Models with LLM for Enhanced Semantic Alignment" (2024), section 3.1 and
table 6; parameters carry the names of the authors' released checkpoint, so either side loads the other's file.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.connectors.checkpoint import load_strictly, read_checkpoint, write_checkpoint
from training.connectors.connector import Connector
from training.errors import SettingsError

MLP_RATIO = 4
DEFAULT_HEADS = 8
"""Heads of the authors' SD1.5 checkpoint; the tensors do not show it, and that file's metadata does not say it."""


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


class SquaredReluMLP(nn.Module):
    """Two linear layers with a squared ReLU between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, MLP_RATIO * width)
        self.c_proj = nn.Linear(MLP_RATIO * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, N, C) to (B, N, C)."""
        mapped: Tensor = self.c_proj(functional.relu(self.c_fc(x)).square())
        return mapped


class PerceiverBlock(nn.Module):
    """Latents attend to themselves and to the text, then pass an MLP."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = SquaredReluMLP(width)
        self.ln_1 = AdaptiveLayerNorm(width)
        self.ln_2 = AdaptiveLayerNorm(width)
        self.ln_ff = AdaptiveLayerNorm(width)

    def forward(self, latents: Tensor, text: Tensor, time: Tensor) -> Tensor:
        """Refine latents (B, N, C) with text (B, L, C) under the timestep embedding (B, C)."""
        queries = self.ln_1(latents, time)
        keys = torch.cat([queries, self.ln_2(text, time)], dim=1)  # (B, N + L, C)
        attended, _ = self.attn(queries, keys, keys, need_weights=False)
        latents = latents + attended
        refined: Tensor = latents + self.mlp(self.ln_ff(latents, time))
        return refined


class PerceiverResampler(nn.Module):
    """A fixed number of learnt latents, shifted by the timestep, that read a text of any length."""

    def __init__(self, *, text_width: int, width: int, latents: int, depth: int, heads: int, output_width: int) -> None:
        super().__init__()
        self.latents = nn.Parameter(width**-0.5 * torch.randn(latents, width))
        self.time_aware_linear = nn.Linear(width, width)
        self.proj_in = nn.Linear(text_width, width)
        self.perceiver_blocks = nn.ModuleList(PerceiverBlock(width, heads) for _ in range(depth))
        self.proj_out: nn.Module = nn.Identity()
        if output_width != width:
            self.proj_out = nn.Sequential(nn.Linear(width, output_width), nn.LayerNorm(output_width))

    def forward(self, text: Tensor, time: Tensor) -> Tensor:
        """Read text (B, L, D) under the timestep embedding (B, C) into (B, N, output_width)."""
        latents = self.latents + self.time_aware_linear(functional.silu(time))[:, None]  # (B, N, C)
        text = self.proj_in(text)  # (B, L, C)
        for block in self.perceiver_blocks:
            latents = block(latents, text, time)
        condition: Tensor = self.proj_out(latents)
        return condition


class TimestepAwareSemanticConnector(Connector):
    """The connector that ELLA trains (TSC). The defaults are its shapes for SD1.5 and T5-XL: 66,820,608 parameters.

    Args:
        text_width: channels of the text features; 2048 for T5-XL.
        width: channels of latents, blocks and timestep embedding; the heads must divide it.
        latents: learnt queries, the N of the output.
        depth: perceiver blocks.
        heads: attention heads a block.
        time_channels: sinusoids that describe a timestep, an even number.
        output_width: the U-Net's `cross_attention_dim`; where it differs from `width`, a Linear and a LayerNorm
            lead there. None: `width`.
    """

    def __init__(
        self,
        text_width: int = 2048,
        width: int = 768,
        latents: int = 64,
        depth: int = 6,
        heads: int = DEFAULT_HEADS,
        time_channels: int = 320,
        output_width: int | None = None,
    ) -> None:
        super().__init__(text_width=text_width, output_width=output_width or width)
        if width % heads or time_channels % 2:
            raise SettingsError(
                f"width={width}, heads={heads}, time_channels={time_channels}: "
                "heads must divide the width, and time_channels must be even"
            )
        self.heads = heads
        self.time_embedding = TimestepEmbedding(time_channels, width)
        self.connector = PerceiverResampler(
            text_width=text_width,
            width=width,
            latents=latents,
            depth=depth,
            heads=heads,
            output_width=self.output_width,
        )

    def forward(self, text: Tensor, timestep: Tensor) -> Tensor:
        """Condition (B, N, C) for text features (B, L, D); padding is attended to like any token.

        Args:
            text: last hidden state of the text encoder, (B, L, D).
            timestep: diffusion timesteps, (B,), or one for the whole batch, (1,) or a scalar.
        """
        timestep = timestep.to(text.device).reshape(-1).expand(len(text))
        time = self.time_embedding(timestep)  # (B, C)
        condition: Tensor = self.connector(text.to(self.connector.latents.dtype), time)
        return condition

    @classmethod
    def from_pretrained(cls, path: str) -> "TimestepAwareSemanticConnector":
        """Load a connector in the authors' key layout, float32, its shapes read from the tensors themselves.

        Args:
            path: a safetensors file, or a folder that holds one.

        Raises:
            SettingsError: no such file, or keys or shapes that are not a TSC's; the message names them.
        """
        tensors, metadata = read_checkpoint(path)
        with torch.device("meta"):
            connector = cls(**_shapes(tensors, path), heads=int(metadata.get("heads", DEFAULT_HEADS)))
        load_strictly(connector, tensors, path)
        return connector

    def save_pretrained(self, folder: str, metadata: Mapping[str, str] | None = None) -> str:
        """Write `connector.safetensors` into `folder`, whole or not at all, in the authors' key layout.

        Args:
            folder: where to; made if need be.
            metadata: what else the file should say of itself; the number of heads is always there.

        Returns:
            The path of the file.
        """
        return write_checkpoint(folder, self.state_dict(), {**(metadata or {}), "heads": str(self.heads)})


def _shapes(tensors: Mapping[str, Tensor], path: str) -> dict[str, int]:
    """The constructor's arguments that the tensors of a checkpoint show."""
    sources = ("connector.latents", "connector.proj_in.weight", "time_embedding.linear_1.weight")
    missing = [key for key in sources if key not in tensors or tensors[key].ndim != 2]
    if missing:
        raise SettingsError(
            f"{path}: these are not the weights of a {TimestepAwareSemanticConnector.__name__} "
            f"(missing: {', '.join(missing)}; got {len(tensors)} tensors: {', '.join(sorted(tensors)[:5])}, ...)"
        )
    latents, width = tensors["connector.latents"].shape
    blocks = {key.split(".")[2] for key in tensors if key.startswith("connector.perceiver_blocks.")}
    projection = tensors.get("connector.proj_out.0.weight")
    return {
        "text_width": tensors["connector.proj_in.weight"].shape[1],
        "width": width,
        "latents": latents,
        "depth": len(blocks),
        "time_channels": tensors["time_embedding.linear_1.weight"].shape[1],
        "output_width": width if projection is None else projection.shape[0],
    }
