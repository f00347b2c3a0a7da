"""What every connector is: text features and a timestep in, the U-Net's condition out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from training.connectors.checkpoint import load_strictly, read_checkpoint, require_keys, write_checkpoint


class Connector(nn.Module, ABC):
    """Maps a frozen text encoder's features to the condition of a frozen U-Net.

    Args:
        text_width: channels of the text features, D.
        output_width: channels of the condition, C; the U-Net's `cross_attention_dim`.
        pooled_width: channels of the pooled embedding that SDXL's U-Net reads beside the condition, P, for a head
            that gives one; None: no such head.
    """

    signature: ClassVar[tuple[str, ...]]
    """Keys by which a file of this connector is known."""

    def __init__(self, *, text_width: int, output_width: int, pooled_width: int | None = None) -> None:
        super().__init__()
        self.text_width = text_width
        self.output_width = output_width
        self.pooled_width = pooled_width
        self.pooled_head = None if pooled_width is None else _zero_linear(output_width, pooled_width)

    @abstractmethod
    def forward(self, text: Tensor, timestep: Tensor, mask: Tensor | None = None) -> Tensor:
        """Condition (B, N, C) for text features (B, L, D) at diffusion timesteps.

        Args:
            text: last hidden state of the text encoder, (B, L, D).
            timestep: (B,), or one for the whole batch, (1,) or a scalar.
            mask: (B, L), false for features that are to be as if not there; None: all are there.
        """

    def pooled(self, condition: Tensor) -> Tensor:
        """Pooled embedding (B, P) of a condition (B, N, C), from the mean over N; at the start it is zero."""
        assert self.pooled_head is not None
        embedding: Tensor = self.pooled_head(condition.mean(dim=1))
        return embedding

    @classmethod
    @abstractmethod
    def arguments(cls, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, Any]:
        """The constructor's arguments that a file of this connector was made with, but for `pooled_width`."""

    @classmethod
    def from_pretrained(cls, path: str) -> Self:
        """Load a connector, float32, its shapes read from the tensors themselves.

        Args:
            path: a safetensors file, or a folder that holds one.

        Raises:
            SettingsError: no such file, or keys or shapes that are not this connector's; the message names them.
        """
        tensors, metadata = read_checkpoint(path)
        require_keys(tensors, cls.signature, cls.__name__, path)
        head = tensors.get("pooled_head.weight")
        with torch.device("meta"):
            connector = cls(
                **cls.arguments(tensors, metadata), **({} if head is None else {"pooled_width": head.shape[0]})
            )
        load_strictly(connector, tensors, path)
        return connector

    def save_pretrained(self, folder: str, metadata: Mapping[str, str] | None = None) -> str:
        """Write `connector.safetensors` into `folder`, whole or not at all.

        Args:
            folder: where to; made if need be.
            metadata: what else the file should say of itself, beside what `arguments` cannot see in the tensors.

        Returns:
            The path of the file.
        """
        return write_checkpoint(folder, self.state_dict(), {**(metadata or {}), **self.unseen()})

    def unseen(self) -> dict[str, str]:
        """The constructor's arguments that the tensors do not show, for the file's metadata."""
        return {}


def _zero_linear(inputs: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(inputs, outputs)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
