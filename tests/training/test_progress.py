"""What a checkpoint says of the samples that were seen."""

import json

import pytest

from training.errors import SettingsError
from training.order import SampleOrder
from training.progress import Progress

ORDER = SampleOrder(counts=(5, 6), seed=1, window=2)


def test_steps_are_counted_from_where_the_training_went_on() -> None:
    resumed = Progress(samples=100, steps=10)
    assert resumed.after(10, 32) == resumed
    assert resumed.after(13, 32) == Progress(samples=196, steps=13)
    assert resumed.after(0, 32) == resumed  # the trainer does not know of its steps yet


def test_a_state_is_plain_and_comes_back() -> None:
    progress = Progress(samples=40, steps=5)
    state = json.loads(json.dumps(progress.state(ORDER)))
    assert Progress.restored(state, ORDER) == progress


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (SampleOrder(counts=(5, 6), seed=2, window=2), "seed: 1 -> 2"),
        (SampleOrder(counts=(5, 6), seed=1, window=1), "shuffle_shards: 2 -> 1"),
        (SampleOrder(counts=(5, 7), seed=1, window=2), "samples: 11 -> 12"),
        (SampleOrder(counts=(6, 5), seed=1, window=2), "samples_by_shard: "),
    ],
)
def test_another_order_is_refused_by_name(order: SampleOrder, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Progress.restored(Progress(samples=40, steps=5).state(ORDER), order)
