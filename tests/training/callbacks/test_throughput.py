"""Speed and share of peak in the log, on a module whose arithmetic is known and with a clock that is set by hand."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from tests.training.callbacks.fitting import logged, make_trainer
from training.callbacks import Throughput

FLOP_A_SAMPLE = 2 * 8 * 4 * 2
"""A Linear from 8 to 4, forward and the gradient of its weight; its input needs none."""


class Clock:
    """Stands still unless the work moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


class Worker(LightningModule):
    """One linear layer; a training step takes two seconds, a validation a thousand."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.layer, self.clock, self.fails = torch.nn.Linear(8, 4), clock, False

    def training_step(self, batch: Tensor, batch_idx: int) -> dict[str, Any]:
        self.clock.now += 1000 if batch_idx == 0 else 2  # the first warms up
        if self.fails:
            raise RuntimeError("it fails")
        return {"loss": self.layer(batch).sum(), "sample_ids": ["one"] * len(batch)}

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.clock.now += 1000

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("training.callbacks.throughput.time", clock)
    return clock


def samples(count: int) -> DataLoader[Tensor]:
    return DataLoader(torch.ones(count, 8), batch_size=4)  # type: ignore[arg-type]


def test_samples_a_second_leave_out_the_first_batch_and_validations(clock: Clock, tmp_path: Path) -> None:
    options = {"max_steps": 6, "log_every_n_steps": 2, "val_check_interval": 3, "num_sanity_val_steps": 0}
    make_trainer(tmp_path, Throughput(), **options).fit(Worker(clock), samples(24), samples(4))
    rows = [row for row in logged(tmp_path) if "samples_per_second" in row]
    assert [row["step"] for row in rows] == [1, 3, 5]
    assert [row["samples_per_second"] for row in rows] == [2.0, 2.0, 2.0]


def test_accumulated_batches_all_count(clock: Clock, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, Throughput(), max_steps=3, accumulate_grad_batches=2, log_every_n_steps=3)
    trainer.fit(Worker(clock), samples(24))
    assert logged(tmp_path)[0]["samples_per_second"] == 2.0


def test_the_share_of_peak_is_the_counted_arithmetic_over_what_was_given(clock: Clock, tmp_path: Path) -> None:
    peak = 1e-9  # TFLOP/s, which is 1000 FLOP/s
    make_trainer(tmp_path, Throughput(peak=peak), max_steps=2).fit(Worker(clock), samples(24))
    row = logged(tmp_path)[-1]
    assert row["samples_per_second"] == 2.0
    assert row["share_of_peak"] == pytest.approx(2.0 * FLOP_A_SAMPLE / 1000)


def test_no_share_where_no_peak_is_known(clock: Clock, tmp_path: Path) -> None:
    make_trainer(tmp_path, Throughput(), max_steps=2).fit(Worker(clock), samples(24))
    assert "share_of_peak" not in logged(tmp_path)[-1]


def test_a_first_batch_that_fails_leaves_no_counter_behind(clock: Clock, tmp_path: Path) -> None:
    worker = Worker(clock)
    worker.fails = True
    with pytest.raises(RuntimeError, match="it fails"):
        make_trainer(tmp_path, Throughput(peak=1.0), max_steps=2).fit(worker, samples(24))
    assert not isinstance(_get_current_dispatch_mode(), FlopCounterMode)
