"""What training shows while it runs and leaves behind when it ends."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar

from training.module import ConnectorTraining


class SaveConnector(Callback):
    """Writes `connector.safetensors` when training has come to its end, after everything else in the folder.

    The file's presence therefore says that the training is done; an interrupted run leaves none.

    Args:
        folder: where to; made if need be.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the connector, on the first rank alone."""
        assert isinstance(pl_module, ConnectorTraining)
        if not trainer.is_global_zero:
            return
        path = pl_module.connector.save_pretrained(self.folder, metadata={"steps": str(trainer.global_step)})
        print(f"connector after {trainer.global_step:,} steps: {path}")


class TrainingProgress(TQDMProgressBar):
    """One bar over the whole training, since the data has no end and epochs say nothing: batches done, speed, loss."""

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

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """What the bar shows beside its count: the loss, without the logger's version."""
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}
