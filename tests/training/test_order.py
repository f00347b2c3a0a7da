"""The order of samples: a permutation an epoch, by random access, the same for ever."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import SettingsError
from training.order import SampleOrder, draws


def places(order: SampleOrder, first: int, last: int) -> list[tuple[int, int]]:
    shards, rows = order.locate(np.arange(first, last))
    return list(zip(shards.tolist(), rows.tolist(), strict=True))


def epoch(order: SampleOrder, number: int) -> list[tuple[int, int]]:
    return places(order, number * order.samples, (number + 1) * order.samples)


@settings(max_examples=50, deadline=None)
@given(
    counts=st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any),
    window=st.integers(1, 14), seed=st.integers(0, 3), number=st.integers(0, 3),
)  # fmt: skip
def test_an_epoch_is_every_sample_once(counts: list[int], window: int, seed: int, number: int) -> None:
    order = SampleOrder(counts=tuple(counts), seed=seed, window=window)
    assert sorted(epoch(order, number)) == [(shard, row) for shard, size in enumerate(counts) for row in range(size)]


def test_any_positions_can_be_asked_for_in_any_order() -> None:
    order = SampleOrder(counts=(5, 3, 8, 1, 7), seed=1, window=2)
    whole = places(order, 0, 3 * order.samples)
    chosen = np.random.default_rng(0).permutation(len(whole))[:40]
    shards, rows = order.locate(chosen)
    assert list(zip(shards.tolist(), rows.tolist(), strict=True)) == [whole[position] for position in chosen]


def test_seeds_and_epochs_have_orders_of_their_own() -> None:
    orders = [SampleOrder(counts=(20, 20), seed=seed, window=2) for seed in (0, 1)]
    assert len({tuple(epoch(order, number)) for order in orders for number in (0, 1)}) == 4


def test_neighbours_come_from_one_window_of_shards() -> None:
    order = SampleOrder(counts=(10,) * 12, seed=3, window=3)
    shards = np.array([shard for shard, _ in epoch(order, 0)]).reshape(4, 30)
    assert all(len(set(window)) == 3 for window in shards.tolist())
    assert sorted(shard for window in shards.tolist() for shard in set(window)) == list(range(12))


def test_samples_of_a_window_are_mixed() -> None:
    shards = [shard for shard, _ in epoch(SampleOrder(counts=(100, 100), seed=0, window=2), 0)]
    changes = sum(one != other for one, other in itertools.pairwise(shards))
    assert 70 < changes < 130  # 100 are expected of a fair mixture, 1 of none
    rows = [row for shard, row in epoch(SampleOrder(counts=(100,), seed=0, window=1), 0)]
    assert abs(np.corrcoef(rows, np.arange(100))[0, 1]) < 0.3


def test_every_place_is_as_likely() -> None:
    firsts = [epoch(SampleOrder(counts=(2, 2), seed=seed, window=2), 0)[0] for seed in range(400)]
    assert all(70 < firsts.count(place) < 130 for place in {(0, 0), (0, 1), (1, 0), (1, 1)})


def test_the_order_is_the_one_it_always_was() -> None:
    """A checkpoint says how many samples were seen: another order under it would repeat some and miss others."""
    assert places(SampleOrder(counts=(3, 2, 4), seed=7, window=2), 5, 14) == [
        (2, 1), (0, 2), (0, 1), (0, 0), (2, 1), (0, 0), (0, 2), (2, 0), (2, 2)
    ]  # fmt: skip


def test_millions_of_samples_cost_little() -> None:
    order = SampleOrder(counts=(5_000,) * 6_800, seed=0, window=16)
    assert order.samples == 34_000_000
    shards, _ = order.locate(np.arange(70_000_000, 70_000_256))
    assert len(set(shards.tolist())) <= 16


@pytest.mark.parametrize(("counts", "window"), [((), 1), ((0, 0), 1), ((3,), 0)])
def test_nothing_to_order_is_refused(counts: tuple[int, ...], window: int) -> None:
    with pytest.raises(SettingsError, match="expected"):
        SampleOrder(counts=counts, seed=0, window=window)


def test_draws_are_uniform_and_a_function_of_seed_name_and_position() -> None:
    some = draws(0, np.arange(10_000), "top")
    assert 0 <= some.min() < 0.01
    assert 0.99 < some.max() < 1
    assert abs(some.mean() - 0.5) < 0.02
    assert draws(0, np.array([77, 3]), "top").tolist() == [some[77], some[3]]
    assert draws(1, np.array([77]), "top")[0] != some[77] != draws(0, np.array([77]), "left")[0]
