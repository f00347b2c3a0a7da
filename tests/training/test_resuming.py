"""What is asked of a trainer whose data has no end."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler

from training.errors import SettingsError
from training.resuming import align, check_trainer


def trainer(tmp_path: Path, **settings: Any) -> Trainer:
    return Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        default_root_dir=tmp_path, **settings,
    )  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        {"max_steps": 5},
        {"max_steps": 5, "max_epochs": 3},
        {"max_time": timedelta(hours=1)},
        {"max_epochs": 1, "limit_train_batches": 3},
        {"fast_dev_run": 2},
    ],
)
def test_what_ends_by_itself_may_run(tmp_path: Path, settings: dict[str, Any]) -> None:
    check_trainer(trainer(tmp_path, **settings), 100, 8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, r"nothing ends this training.* set trainer\.max_steps; an epoch of 1,000 pairs is 125 steps"),
        ({"max_epochs": 3}, "nothing ends this training"),
        ({"max_epochs": 2, "limit_train_batches": 3}, "limit_train_batches is 3, after which .* begin again"),
        ({"max_steps": 9, "limit_train_batches": 3}, "limit_train_batches is 3, after which .* begin again"),
        ({"max_steps": 9, "callbacks": [GradientAccumulationScheduler({2: 4})]}, "steps of several sizes"),
    ],
)
def test_what_would_not_end_or_begin_again_is_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        check_trainer(trainer(tmp_path, **settings), 1000, 8)


def counted(trainer: Trainer) -> list[int]:
    progress: Any = trainer.fit_loop.epoch_loop.batch_progress
    return [getattr(count, name) for count in (progress.current, progress.total) for name in ("ready", "completed")]


def resumed(tmp_path: Path, accumulate: int, steps: int, batches: int) -> Trainer:
    """A trainer that has just read a checkpoint of `steps` steps, and `batches` batches, written at a batch's end."""
    result = trainer(tmp_path, max_steps=100, accumulate_grad_batches=accumulate)
    loop: Any = result.fit_loop.epoch_loop
    for count in (loop.batch_progress.current, loop.batch_progress.total):
        count.ready = count.started = count.processed = batches
        count.completed = batches - 1
    loop.automatic_optimization.optim_progress.optimizer.step.total.completed = steps
    result.fit_loop.restarting = True
    assert result.global_step == steps
    return result


@pytest.mark.parametrize(("accumulate", "batches"), [(1, 7), (2, 14), (2, 15), (4, 7)])
def test_batches_are_counted_by_finished_steps(tmp_path: Path, accumulate: int, batches: int) -> None:
    """With the same steps; in the middle of one; with other steps than those of the checkpoint."""
    result = resumed(tmp_path, accumulate, steps=7, batches=batches)
    align(result)
    assert counted(result) == [7 * accumulate, 7 * accumulate - 1] * 2


def test_a_training_that_begins_is_left_alone(tmp_path: Path) -> None:
    result = trainer(tmp_path, max_steps=100, accumulate_grad_batches=2)
    align(result)
    assert counted(result) == [0, 0, 0, 0]
