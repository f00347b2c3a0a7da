"""The bar that a person watches."""

import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar

SECONDS_BETWEEN = 0.5
"""How long the bar stands still: the loss on it has to be fetched from the device, which waits for it."""


class TrainingProgress(TQDMProgressBar):
    """One bar over the whole training, since the data has no end and epochs say nothing: batches done, speed, loss."""

    def __init__(self) -> None:
        super().__init__()
        self._moved = 0.0

    @property
    def total_train_batches(self) -> float:
        """Batches to the last step, `inf` where no number of steps is set."""
        if self.trainer.max_steps < 0:
            return self.trainer.num_training_batches
        return self.trainer.max_steps * self.trainer.accumulate_grad_batches

    def on_train_epoch_start(self, trainer: Trainer, *args: Any) -> None:
        """Start the bar."""
        super().on_train_epoch_start(trainer, *args)
        self.train_progress_bar.set_description("training")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar, now and then and at the end."""
        now = time.monotonic()
        if now - self._moved < SECONDS_BETWEEN and batch_idx + 1 < self.total_train_batches:
            return
        self._moved = now
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """What the bar shows beside its count: the loss, without the logger's version."""
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}
