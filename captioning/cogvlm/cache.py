"""Keys and values of the slots that were already computed, in memory taken once; every row has its own length."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from captioning.cogvlm.config import CogVLMConfig

Memory = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Remembers one layer's new keys and values (B, heads, T, head width); returns those that queries attend to."""


class KeyValueCache:
    """Every layer's keys and values for a batch whose rows begin and end at different times.

    Args:
        config: the model's.
        batch: rows.
        capacity: slots a row.
        dtype: the model's.
        device: the model's.
    """

    lengths: Tensor
    """(B,) slots of each row that hold what its next slot attends to."""

    def __init__(
        self, config: CogVLMConfig, *, batch: int, capacity: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        shape = (config.num_hidden_layers, batch, config.num_key_value_heads, capacity, config.head_dim)
        # Zeros, because what a mask hides still counts if it is NaN.
        self._keys = torch.zeros(shape, dtype=dtype, device=device)
        self._values = torch.zeros(shape, dtype=dtype, device=device)
        self._rows = torch.arange(batch, device=device)
        self.capacity = capacity
        self.lengths = torch.zeros(batch, dtype=torch.long, device=device)

    def fill(self, rows: Tensor, lengths: Tensor) -> list[Memory]:
        """A memory a layer for new sequences in `rows` (R,), which forget what they held.

        Args:
            rows: which rows begin anew.
            lengths: (R,) slots of each; what a sequence has to the right of them is overwritten as it grows.

        Raises:
            ValueError: by a memory, when the sequences are longer than the cache.
        """
        self.lengths[rows] = lengths
        return [partial(self._fill, layer, rows) for layer in range(len(self._keys))]

    def append(self, window: int) -> list[Memory]:
        """A memory a layer for one more slot in every row, at its length, which the caller then moves on.

        Args:
            window: slots that queries are shown; at least one more than the longest row has.
        """
        return [partial(self._append, layer, window) for layer in range(len(self._keys))]

    def mask(self, window: int) -> Tensor:
        """What a row's next slot attends to, itself included: (B, 1, 1, window)."""
        return (torch.arange(window, device=self.lengths.device) <= self.lengths[:, None])[:, None, None]

    def _fill(self, layer: int, rows: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        slots = keys.shape[2]
        if slots > self.capacity:
            raise ValueError(f"{slots} slots for a cache of {self.capacity}: make it with the capacity that they need")
        self._keys[layer][rows, :, :slots] = keys
        self._values[layer][rows, :, :slots] = values
        return keys, values

    def _append(self, layer: int, window: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        all_keys, all_values = self._keys[layer], self._values[layer]  # (B, heads, capacity, head width)
        all_keys[self._rows, :, self.lengths] = keys[:, :, 0]
        all_values[self._rows, :, self.lengths] = values[:, :, 0]
        return all_keys[:, :, :window], all_values[:, :, :window]
