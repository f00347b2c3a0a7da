"""The cache of keys and values."""

import pytest
import torch

from captioning.cogvlm.cache import KeyValueCache
from tests.captioning.cogvlm.tiny import small_config


def make_cache(capacity: int) -> KeyValueCache:
    return KeyValueCache(
        small_config(v2=True), batch=3, capacity=capacity, dtype=torch.float32, device=torch.device("cpu")
    )


def test_gives_back_all_that_went_in_without_moving_it() -> None:
    cache = make_cache(5)
    layer = cache.layers[0]
    first, second = torch.randn(2, 3, 2, 3, 8), torch.randn(2, 3, 2, 1, 8)
    before, _ = layer.append(*first)
    keys, values = layer.append(*second)
    assert torch.equal(keys, torch.cat([first[0], second[0]], dim=2))
    assert torch.equal(values, torch.cat([first[1], second[1]], dim=2))
    assert keys.data_ptr() == before.data_ptr()
    assert cache.length == 4


def test_has_a_place_for_each_layer_and_each_shared_key() -> None:
    cache = make_cache(5)
    assert len(cache.layers) == 2
    cache.layers[1].append(torch.ones(3, 2, 5, 8), torch.ones(3, 2, 5, 8))
    assert cache.layers[0].length == 0


def test_says_when_it_is_full() -> None:
    layer = make_cache(2).layers[0]
    layer.append(torch.ones(3, 2, 2, 8), torch.ones(3, 2, 2, 8))
    with pytest.raises(ValueError, match="slot 3 of a cache of 2"):
        layer.append(torch.ones(3, 2, 1, 8), torch.ones(3, 2, 1, 8))
