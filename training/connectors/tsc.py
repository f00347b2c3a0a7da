"""ELLA's timestep-aware semantic connector: a resampler whose every normalisation listens to the timestep.

The architecture of "ELLA: Equip Diffusion Models with LLM for Enhanced Semantic Alignment" (2024), section 3.1 and
table 6; parameters carry the names of the authors' released checkpoint, so either side loads the other's file.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from training.connectors.connector import Connector
from training.connectors.perceiver import (
    DEFAULT_HEADS,
    PerceiverBlock,
    PerceiverResampler,
    check_heads,
    perceiver_arguments,
)
from training.connectors.timestep import AdaptiveLayerNorm, OpenGate, TimestepEmbedding, TimestepGate
from training.errors import SettingsError


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
        gates: put a gate that listens to the timestep behind each attention and each MLP, closed at the start; the
            AdaLN-Zero of table 6.
        pooled_width: of a head that gives SDXL's pooled embedding, 1280; None: no such head.
    """

    signature = (
        "connector.latents",
        "connector.proj_in.weight",
        "connector.time_aware_linear.weight",
        "time_embedding.linear_1.weight",
    )

    def __init__(
        self,
        text_width: int = 2048,
        width: int = 768,
        latents: int = 64,
        depth: int = 6,
        heads: int = DEFAULT_HEADS,
        time_channels: int = 320,
        output_width: int | None = None,
        gates: bool = False,
        pooled_width: int | None = None,
    ) -> None:
        super().__init__(text_width=text_width, output_width=output_width or width, pooled_width=pooled_width)
        check_heads(width, heads)
        if time_channels % 2:
            raise SettingsError(f"time_channels={time_channels}: expected an even number, half of it cosines")
        self.heads = heads
        self.time_embedding = TimestepEmbedding(time_channels, width)
        gate = TimestepGate if gates else OpenGate
        self.connector = PerceiverResampler(
            text_width=text_width,
            width=width,
            latents=latents,
            blocks=[PerceiverBlock(width, heads, AdaptiveLayerNorm, gate) for _ in range(depth)],
            output_width=self.output_width,
            listens=True,
        )

    def forward(self, text: Tensor, timestep: Tensor, mask: Tensor | None = None) -> Tensor:
        """Condition (B, N, C) for text features (B, L, D) at timesteps (B,), or one for the whole batch."""
        timestep = timestep.to(text.device).reshape(-1).expand(len(text))
        condition: Tensor = self.connector(text, self.time_embedding(timestep), mask)
        return condition

    @classmethod
    def arguments(cls, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, Any]:
        """The constructor's arguments that a file was made with; the authors' has no metadata and eight heads."""
        return {
            **perceiver_arguments(tensors, metadata),
            "time_channels": tensors["time_embedding.linear_1.weight"].shape[1],
            "gates": "connector.perceiver_blocks.0.gate_attn.weight" in tensors,
        }

    def unseen(self) -> dict[str, str]:
        """The number of heads."""
        return {"heads": str(self.heads)}
