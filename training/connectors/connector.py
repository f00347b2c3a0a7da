"""What every connector is: text features and a timestep in, the U-Net's condition out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn


class Connector(nn.Module, ABC):
    """Maps a frozen text encoder's features to the condition of a frozen U-Net.

    Args:
        text_width: channels of the text features, D.
        output_width: channels of the condition, C; the U-Net's `cross_attention_dim`.
    """

    def __init__(self, *, text_width: int, output_width: int) -> None:
        super().__init__()
        self.text_width = text_width
        self.output_width = output_width

    @abstractmethod
    def forward(self, text: Tensor, timestep: Tensor) -> Tensor:
        """Condition (B, N, C) for text features (B, L, D) at diffusion timesteps (B,)."""

    @abstractmethod
    def save_pretrained(self, folder: str, metadata: Mapping[str, str] | None = None) -> str:
        """Write `connector.safetensors` into `folder`, whole or not at all; returns the file's path."""
