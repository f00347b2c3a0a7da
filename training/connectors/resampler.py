"""The resampler of ELLA's ablation: the same blocks as the TSC's, blind to the timestep."""

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
from training.connectors.timestep import OpenGate, TimelessLayerNorm


class Resampler(Connector):
    """Learnt latents that read the text through blocks with plain LayerNorms, table 6 of the paper.

    With text of 2048 channels and the other defaults, 44,159,232 parameters; with one block, 8,712,192.

    Args:
        text_width: channels of the text features.
        width: channels of latents and blocks; the heads must divide it.
        latents: learnt queries, the N of the output.
        depth: perceiver blocks.
        heads: attention heads a block.
        output_width: the U-Net's `cross_attention_dim`; where it differs from `width`, a Linear and a LayerNorm
            lead there. None: `width`.
        pooled_width: of a head that gives SDXL's pooled embedding, 1280; None: no such head.
    """

    signature = ("connector.latents", "connector.proj_in.weight", "connector.perceiver_blocks.0.ln_1.weight")

    def __init__(
        self,
        text_width: int = 2048,
        width: int = 768,
        latents: int = 64,
        depth: int = 6,
        heads: int = DEFAULT_HEADS,
        output_width: int | None = None,
        pooled_width: int | None = None,
    ) -> None:
        super().__init__(text_width=text_width, output_width=output_width or width, pooled_width=pooled_width)
        check_heads(width, heads)
        self.heads = heads
        self.connector = PerceiverResampler(
            text_width=text_width,
            width=width,
            latents=latents,
            blocks=[PerceiverBlock(width, heads, TimelessLayerNorm, OpenGate) for _ in range(depth)],
            output_width=self.output_width,
            listens=False,
        )

    def forward(self, text: Tensor, timestep: Tensor, mask: Tensor | None = None) -> Tensor:
        """Condition (B, N, C) for text features (B, L, D), the same at every timestep."""
        condition: Tensor = self.connector(text, mask=mask)
        return condition

    @classmethod
    def arguments(cls, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, Any]:
        """The constructor's arguments that a file was made with."""
        return perceiver_arguments(tensors, metadata)

    def unseen(self) -> dict[str, str]:
        """The number of heads."""
        return {"heads": str(self.heads)}
