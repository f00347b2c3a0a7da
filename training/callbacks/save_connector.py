"""The trained connector's file, whose presence says that the training is done."""

from lightning.pytorch import Callback, LightningModule, Trainer

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
