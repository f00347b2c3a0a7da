"""At which batches the loggers write."""

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from tests.training.callbacks.fitting import fit, logged
from training.callbacks.log_steps import LogSteps


class Due(Callback):
    def __init__(self) -> None:
        self.steps, self.batches = LogSteps(), list[int]()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.steps.start(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if self.steps.due(trainer):
            self.batches.append(batch_idx)


def test_a_step_is_due_once_at_its_last_batch_and_when_the_loggers_write(world: Path, tmp_path: Path) -> None:
    due = Due()
    fit(world, tmp_path, due, max_steps=5, accumulate_grad_batches=2, log_every_n_steps=2)
    assert due.batches == [3, 7]
    assert [row["step"] for row in logged(tmp_path)] == [1, 3]


def test_nothing_is_due_where_nothing_is_logged(world: Path, tmp_path: Path) -> None:
    due = Due()
    fit(world, tmp_path, due, max_steps=2, log_every_n_steps=0)
    assert due.batches == []
