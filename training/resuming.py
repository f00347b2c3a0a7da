"""What training without an end of its data needs of Lightning's trainer, and what it puts right there."""

import math
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler, Timer

from training.errors import SettingsError


def check_trainer(trainer: Trainer, samples: int, samples_a_step: int) -> None:
    """Refuse a trainer that would never stop, begin the data again, or make steps of several sizes.

    Args:
        trainer: about to train.
        samples: in the set.
        samples_a_step: pairs in an optimizer step, over all ranks.

    Raises:
        SettingsError: says which setting, and what an epoch is in steps.
    """
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    if any(isinstance(callback, GradientAccumulationScheduler) for callback in callbacks):
        raise SettingsError(
            "trainer.callbacks has a GradientAccumulationScheduler, and steps of several sizes cannot be resumed "
            "exactly: set trainer.accumulate_grad_batches"
        )
    epoch = f"an epoch of {samples:,} pairs is {math.ceil(samples / samples_a_step):,} steps"
    limited = isinstance(trainer.limit_train_batches, int)
    if limited and trainer.max_epochs != 1:
        raise SettingsError(
            f"trainer.limit_train_batches is {trainer.limit_train_batches}, after which the data would begin again: "
            f"set trainer.max_steps instead; {epoch}"
        )
    timed = any(isinstance(callback, Timer) for callback in callbacks)
    if not limited and not timed and trainer.max_steps < 0:
        raise SettingsError(f"nothing ends this training, whose data has no end: set trainer.max_steps; {epoch}")


def align(trainer: Trainer) -> None:
    """Make Lightning's count of batches, from which it tells where a step ends, that of the finished steps.

    To Lightning the whole training is one epoch, in which it goes on counting. The count is another one where a
    checkpoint was written with other `accumulate_grad_batches`, or between two batches of a step.
    """
    batches = trainer.global_step * trainer.accumulate_grad_batches
    progress: Any = trainer.fit_loop.epoch_loop.batch_progress
    if not trainer.fit_loop.restarting or progress.current.processed == batches:
        return
    for count in (progress.current, progress.total):
        count.ready = count.started = count.processed = batches
        count.completed = batches - 1  # as in a checkpoint that is written at the end of a batch
