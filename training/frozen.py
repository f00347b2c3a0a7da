"""What the frozen models have in common: no gradients, no dropout, and the precision that they are kept in."""

from typing import Literal, Self

import torch
from torch import nn

Precision = Literal["float32", "float16", "bfloat16"]


class FrozenModule(nn.Module):
    """A module that never learns and always is in evaluation mode, whatever the module around it does."""

    def freeze(self) -> None:
        """Take every parameter out of every gradient.

        This must come before the first forward pass: autograd then never keeps the activations that weight
        gradients would need, and the backward pass only carries the gradient through to the input.
        """
        self.eval()
        self.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode."""
        return super().train(False)

    def own_precision(self) -> torch.autocast:
        """A context in which mixed precision leaves this module's arithmetic as its weights are."""
        return torch.autocast(next(self.parameters()).device.type, enabled=False)
