"""The cache of keys and values."""

import pytest
import torch
from torch import Tensor

from captioning.cogvlm.cache import KeyValueCache
from tests.captioning.cogvlm.tiny import small_config


def make_cache(capacity: int) -> KeyValueCache:
    return KeyValueCache(
        small_config(v2=True), batch=3, capacity=capacity, dtype=torch.float32, device=torch.device("cpu")
    )


def noise(rows: int, slots: int) -> tuple[Tensor, Tensor]:
    """Keys and values for two shared heads, 8 wide."""
    return torch.randn(rows, 2, slots, 8), torch.randn(rows, 2, slots, 8)


def test_rows_grow_each_from_its_own_length() -> None:
    cache = make_cache(6)
    first, second = noise(2, 4), noise(3, 1)
    given = cache.fill(torch.tensor([2, 0]), torch.tensor([4, 2]))[1](*first)
    assert all(torch.equal(got, put) for got, put in zip(given, first, strict=True))
    shown = cache.append(5)[1](*second)
    assert cache.lengths.tolist() == [2, 0, 4]
    for got, old, new in zip(shown, first, second, strict=True):
        assert torch.equal(got[0, :, :3], torch.cat([old[1, :, :2], new[0]], dim=1))  # over the padding
        assert torch.equal(got[1, :, :1], new[1])
        assert torch.equal(got[2], torch.cat([old[0], new[2]], dim=1))


def test_a_row_that_begins_anew_leaves_the_others_alone() -> None:
    cache = make_cache(6)
    first, again = noise(3, 4), noise(1, 2)
    cache.fill(torch.arange(3), torch.tensor([4, 4, 4]))[0](*first)
    cache.fill(torch.tensor([1]), torch.tensor([2]))[0](*again)
    keys, _ = cache.append(4)[0](*noise(3, 1))
    assert cache.lengths.tolist() == [4, 2, 4]
    assert torch.equal(keys[[0, 2]], first[0][[0, 2]])
    assert torch.equal(keys[1, :, :2], again[0][0])


def test_layers_do_not_share_their_memory() -> None:
    cache = make_cache(2)
    cache.fill(torch.arange(3), torch.tensor([1, 1, 1]))[1](torch.ones(3, 2, 1, 8), torch.ones(3, 2, 1, 8))
    keys, values = cache.append(2)[0](torch.zeros(3, 2, 1, 8), torch.zeros(3, 2, 1, 8))
    assert not keys.any()
    assert not values.any()


def test_the_mask_shows_what_a_row_holds_and_the_slot_that_is_being_added() -> None:
    cache = make_cache(6)
    cache.fill(torch.arange(3), torch.tensor([2, 0, 3]))
    assert cache.mask(4).int().tolist() == [[[[1, 1, 1, 0]]], [[[1, 0, 0, 0]]], [[[1, 1, 1, 1]]]]


def test_what_was_never_written_is_finite() -> None:
    # Attention multiplies what a mask hides by zero, and zero times NaN is NaN.
    keys, values = make_cache(50).append(50)[0](*noise(3, 1))
    assert keys.isfinite().all()
    assert values.isfinite().all()


def test_says_when_a_sequence_does_not_fit() -> None:
    memory = make_cache(2).fill(torch.arange(3), torch.tensor([3, 3, 3]))[0]
    with pytest.raises(ValueError, match="3 slots for a cache of 2"):
        memory(*noise(3, 3))
