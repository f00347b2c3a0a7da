"""A real trainer over small models, and what it left in its log."""

import csv
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger

from tests.training import tiny
from training.data import TrainingPairs
from training.module import ConnectorTraining


def make_trainer(folder: Path, *callbacks: Callback, **options: Any) -> Trainer:
    """A trainer on one CPU that logs every step to `folder`/logs/metrics.csv, and shows nothing."""
    settings: dict[str, Any] = {
        "accelerator": "cpu", "devices": 1, "log_every_n_steps": 1, "enable_checkpointing": False,
        "enable_model_summary": False, "enable_progress_bar": False, "default_root_dir": folder,
        "logger": CSVLogger(folder, name="", version="logs"), "callbacks": list(callbacks),
    }  # fmt: skip
    return Trainer(**{**settings, **options})


def fit(
    world: Path, folder: Path, *callbacks: Callback, model: dict[str, Any] | None = None, **options: Any
) -> ConnectorTraining:
    """Train a small connector on batches of two pairs; `options` are the trainer's, `model` the module's."""
    module = tiny.build_training(world, **(model or {}))
    trainer = make_trainer(folder, *callbacks, **options)
    trainer.fit(module, TrainingPairs(str(world / "training"), batch_size=2, resolution=32))
    return module


def logged(folder: Path) -> list[dict[str, float]]:
    """The rows of the log, without what they leave empty."""
    with (folder / "logs" / "metrics.csv").open() as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


class Witness(Callback):
    """Remembers what each training step gave."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.outputs.append(outputs)
