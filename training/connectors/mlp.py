"""The MLP of ELLA's ablation: each text feature by itself, at every timestep alike."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from training.connectors.connector import Connector


class MLPConnector(Connector):
    """A LayerNorm and two linear layers, table 6 of the paper: with the defaults 2,164,224 parameters.

    The count leaves the norm no parameters. The paper names no activation: this one has a GELU.

    Args:
        text_width: channels of the text features.
        width: channels between the layers.
        output_width: the U-Net's `cross_attention_dim`. None: `width`.
        pooled_width: of a head that gives SDXL's pooled embedding, 1280; None: no such head.
    """

    signature = ("linear_1.weight", "linear_2.weight")

    def __init__(
        self,
        text_width: int = 2048,
        width: int = 768,
        output_width: int | None = None,
        pooled_width: int | None = None,
    ) -> None:
        super().__init__(text_width=text_width, output_width=output_width or width, pooled_width=pooled_width)
        self.linear_1 = nn.Linear(text_width, width)
        self.linear_2 = nn.Linear(width, self.output_width)

    def forward(self, text: Tensor, timestep: Tensor, mask: Tensor | None = None) -> Tensor:
        """Condition (B, L, C) for text features (B, L, D), the same at every timestep; zero where mask is false."""
        text = functional.layer_norm(text.to(self.linear_1.weight.dtype), text.shape[-1:])
        condition: Tensor = self.linear_2(functional.gelu(self.linear_1(text)))
        return condition if mask is None else condition * mask[..., None]

    @classmethod
    def arguments(cls, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, Any]:
        """The constructor's arguments that a file was made with."""
        width, text_width = tensors["linear_1.weight"].shape
        return {"text_width": text_width, "width": width, "output_width": tensors["linear_2.weight"].shape[0]}
