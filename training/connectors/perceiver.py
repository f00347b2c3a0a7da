"""The perceiver resampler that ELLA's connectors share: learnt latents that read a text of any length.

Parameters carry the names of the authors' released checkpoint.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.connectors.timestep import AdaptiveLayerNorm, OpenGate, TimelessLayerNorm, TimestepGate
from training.errors import SettingsError

MLP_RATIO = 4
DEFAULT_HEADS = 8
"""Heads of the authors' SD1.5 checkpoint; the tensors do not show it, and that file's metadata does not say it."""


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
    """Latents attend to themselves and to the text, then pass an MLP.

    Args:
        width: channels, C.
        heads: of the attention.
        norm: AdaptiveLayerNorm, or TimelessLayerNorm.
        gate: behind the attention and behind the MLP: TimestepGate, or OpenGate.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        norm: type[AdaptiveLayerNorm | TimelessLayerNorm],
        gate: type[TimestepGate | OpenGate],
    ) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = SquaredReluMLP(width)
        self.ln_1 = norm(width)
        self.ln_2 = norm(width)
        self.ln_ff = norm(width)
        self.gate_attn = gate(width)
        self.gate_mlp = gate(width)

    def forward(self, latents: Tensor, text: Tensor, time: Tensor | None, hidden: Tensor | None = None) -> Tensor:
        """Refine latents (B, N, C) with text (B, L, C).

        Args:
            latents: (B, N, C).
            text: (B, L, C).
            time: timestep embedding (B, C), for norms and gates that listen to it.
            hidden: (B, N + L), true for latents and text that nothing may attend to.
        """
        queries = self.ln_1(latents, time)
        keys = torch.cat([queries, self.ln_2(text, time)], dim=1)  # (B, N + L, C)
        attended, _ = self.attn(queries, keys, keys, key_padding_mask=hidden, need_weights=False)
        latents = latents + self.gate_attn(attended, time)
        refined: Tensor = latents + self.gate_mlp(self.mlp(self.ln_ff(latents, time)), time)
        return refined


class PerceiverResampler(nn.Module):
    """A fixed number of learnt latents that read a text of any length through a stack of blocks.

    Args:
        text_width: channels of the text, D.
        width: channels of the latents and the blocks, C.
        latents: how many, N.
        blocks: that the latents pass.
        output_width: channels of the output; where it is not `width`, a Linear and a LayerNorm lead there.
        listens: whether the timestep shifts the latents before the first block.
    """

    def __init__(
        self,
        *,
        text_width: int,
        width: int,
        latents: int,
        blocks: list[PerceiverBlock],
        output_width: int,
        listens: bool,
    ) -> None:
        super().__init__()
        self.latents = nn.Parameter(width**-0.5 * torch.randn(latents, width))
        self.time_aware_linear = nn.Linear(width, width) if listens else None
        self.proj_in = nn.Linear(text_width, width)
        self.perceiver_blocks = nn.ModuleList(blocks)
        self.proj_out: nn.Module = nn.Identity()
        if output_width != width:
            self.proj_out = nn.Sequential(nn.Linear(width, output_width), nn.LayerNorm(output_width))

    def forward(self, text: Tensor, time: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Read text (B, L, D), where mask (B, L) is true, under the timestep embedding (B, C): (B, N, output_width)."""
        latents = self.latents.expand(len(text), -1, -1)  # (B, N, C)
        if self.time_aware_linear is not None and time is not None:
            latents = latents + self.time_aware_linear(functional.silu(time))[:, None]
        text = self.proj_in(text.to(self.latents.dtype))  # (B, L, C)
        hidden = None if mask is None else functional.pad(~mask, (latents.shape[1], 0), value=False)  # (B, N + L)
        for block in self.perceiver_blocks:
            latents = block(latents, text, time, hidden)
        condition: Tensor = self.proj_out(latents)
        return condition


def check_heads(width: int, heads: int) -> None:
    """See that the heads of an attention can share its width.

    Raises:
        SettingsError: they cannot.
    """
    if width % heads:
        raise SettingsError(f"width={width}, heads={heads}: heads must divide the width")


def perceiver_arguments(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, int]:
    """What the tensors and the metadata of a checkpoint say of its perceiver's shapes."""
    latents, width = tensors["connector.latents"].shape
    blocks = {key.split(".")[2] for key in tensors if key.startswith("connector.perceiver_blocks.")}
    projection = tensors.get("connector.proj_out.0.weight")
    return {
        "text_width": tensors["connector.proj_in.weight"].shape[1],
        "width": width,
        "latents": latents,
        "depth": len(blocks),
        "heads": int(metadata.get("heads", DEFAULT_HEADS)),
        "output_width": width if projection is None else projection.shape[0],
    }
