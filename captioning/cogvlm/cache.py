"""Keys and values of the slots that were already computed, in memory taken once."""

import torch
from torch import Tensor

from captioning.cogvlm.config import CogVLMConfig


class LayerCache:
    """One layer's keys and values.

    Args:
        shape: (B, key and value heads, capacity, head width).
        dtype: type of both.
        device: where both are.
    """

    def __init__(self, shape: tuple[int, int, int, int], *, dtype: torch.dtype, device: torch.device) -> None:
        self._keys = torch.empty(shape, dtype=dtype, device=device)
        self._values = torch.empty(shape, dtype=dtype, device=device)
        self.length = 0

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add the next slots' keys and values (B, heads, T, head width); returns all so far, as views.

        Raises:
            ValueError: the cache is full.
        """
        stop, capacity = self.length + keys.shape[2], self._keys.shape[2]
        if stop > capacity:
            raise ValueError(f"slot {stop} of a cache of {capacity}: make it with the capacity that the text needs")
        self._keys[:, :, self.length : stop] = keys
        self._values[:, :, self.length : stop] = values
        self.length = stop
        return self._keys[:, :, :stop], self._values[:, :, :stop]


class KeyValueCache:
    """Every layer's keys and values for a batch.

    Args:
        config: the model's.
        batch: rows.
        capacity: slots a row.
        dtype: the model's.
        device: the model's.
    """

    def __init__(
        self, config: CogVLMConfig, *, batch: int, capacity: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        shape = (batch, config.num_key_value_heads, capacity, config.head_dim)
        self.layers = [LayerCache(shape, dtype=dtype, device=device) for _ in range(config.num_hidden_layers)]

    @property
    def length(self) -> int:
        """Slots filled so far."""
        return self.layers[0].length
