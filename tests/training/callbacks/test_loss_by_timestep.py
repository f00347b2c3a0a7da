"""The loss of each range of timesteps in the log, against every pair's own loss."""

from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
import torch

from tests.training.callbacks.fitting import Witness, fit, logged
from training.callbacks import LossByTimestep

BUCKETS = ("000-249", "250-499", "500-749", "750-999")


def expected(batches: list[tuple[Any, Any]]) -> dict[str, float]:
    """Mean losses by bucket of (timesteps, losses)."""
    losses = defaultdict(list)
    for timesteps, values in batches:
        for timestep, loss in zip(timesteps.tolist(), values.tolist(), strict=True):
            losses[f"loss_by_timestep/{BUCKETS[timestep // 250]}"].append(loss)
    return {name: mean(values) for name, values in losses.items()}


def by_timestep(row: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name.startswith("loss_by_timestep/")}


def test_each_row_has_the_means_since_the_row_before_over_accumulated_batches(world: Path, tmp_path: Path) -> None:
    witness, options = Witness(), {"max_steps": 6, "accumulate_grad_batches": 2, "log_every_n_steps": 3}
    fit(world, tmp_path, LossByTimestep(buckets=4), witness, **options)
    batches = [(step["timesteps"], step["losses"]) for step in witness.outputs]
    first, second = map(by_timestep, logged(tmp_path))
    assert len(batches) == 12
    assert first == pytest.approx(expected(batches[:6]), rel=1e-5)
    assert second == pytest.approx(first | expected(batches[6:]), rel=1e-5)


def test_the_means_are_over_all_ranks(ranks: Path) -> None:
    folder = ranks / "losses"
    one, other = (torch.load(folder / f"seen{rank}.pt", weights_only=True) for rank in (0, 1))
    assert not torch.equal(one[0][0], other[0][0])
    first, second = map(by_timestep, logged(folder))
    assert first == pytest.approx(expected([one[0], other[0]]), rel=1e-5)
    assert second == pytest.approx(first | expected([one[1], other[1]]), rel=1e-5)


@pytest.mark.parametrize(
    ("buckets", "timestep", "name"),
    [(10, 99, "000-099"), (10, 100, "100-199"), (3, 333, "000-333"), (3, 334, "334-666")],
)
def test_a_bucket_is_named_after_the_timesteps_in_it(buckets: int, timestep: int, name: str) -> None:
    callback = LossByTimestep(buckets=buckets)
    sums, counts = callback._sort(torch.tensor([7.0]), torch.tensor([timestep]))
    assert counts.sum() == 1
    assert callback._names[int(counts.argmax())] == f"loss_by_timestep/{name}"
    assert sums[counts.argmax()] == 7
