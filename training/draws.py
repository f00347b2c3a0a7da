"""What a training step draws for its pairs: a function of the seed and of each pair's position, and of nothing else."""

import hashlib

import torch
import torch.func._random as philox  # counter-based, one kernel a batch; not yet public, hence torch's pinned version
from torch import Tensor

BLOCKS = 2**24
"""Blocks of Philox's counter, four numbers each, that belong to one position and one purpose."""


class Draws:
    """Random numbers of a batch, from Philox with the seed and a purpose as its key and the position as its counter.

    A pair gets the same numbers on every rank, in every batch and beside all other pairs.

    Args:
        seed: of the whole training.
        positions: (B,) where the pairs stand in the training, from 0 to 2**38.
    """

    def __init__(self, seed: int, positions: Tensor) -> None:
        self._seed = seed
        self._positions = positions

    def normal(self, purpose: str, shape: tuple[int, ...]) -> Tensor:
        """Standard normal numbers (B, *shape) in float32, others for every `purpose`."""
        numbers = torch.empty(len(self._positions), *shape, device=self._positions.device)
        return philox.normal_(self._keys(purpose, len(shape)), numbers)

    def uniform(self, purpose: str) -> Tensor:
        """Numbers (B,) in [0, 1), others for every `purpose`."""
        numbers = torch.empty(len(self._positions), device=self._positions.device)
        return philox.uniform_(self._keys(purpose, 0), numbers)

    def integers(self, purpose: str, end: int) -> Tensor:
        """Whole numbers (B,) from 0 up to, and without, `end`."""
        return (self.uniform(purpose) * end).long()

    def _keys(self, purpose: str, dimensions: int) -> Tensor:
        digest = hashlib.blake2b(f"{self._seed}/{purpose}".encode(), digest_size=8).digest()
        counters = self._positions.long() * BLOCKS
        keys = torch.full_like(counters, int.from_bytes(digest, "big", signed=True))
        pairs = torch.stack([keys, counters], dim=-1).view(torch.uint64)
        return pairs.reshape(-1, *[1] * dimensions, 2)  # (B, 1, ..., 2)
