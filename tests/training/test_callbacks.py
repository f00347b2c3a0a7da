"""The trained connector's file, and the bar that a person watches."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger

from tests.training import tiny
from training.callbacks import SaveConnector, TrainingProgress
from training.connectors import TimestepAwareSemanticConnector
from training.connectors.checkpoint import read_checkpoint
from training.data import TrainingPairs
from training.module import ConnectorTraining


class FailAtTheSecondStep(Callback):
    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int) -> None:
        if batch_idx == 1:
            raise RuntimeError("the machine is gone")


def fit(world: Path, folder: Path, *callbacks: Callback, accumulate: int = 1) -> ConnectorTraining:
    module = tiny.build_training(world)
    trainer = Trainer(
        accelerator="cpu", devices=1, max_steps=2, accumulate_grad_batches=accumulate, log_every_n_steps=1,
        logger=CSVLogger(folder, name="", version="logs"), enable_checkpointing=False, enable_model_summary=False,
        callbacks=[SaveConnector(str(folder)), TrainingProgress(), *callbacks],
    )  # fmt: skip
    trainer.fit(module, TrainingPairs(str(world / "training"), batch_size=2, resolution=32))
    return module


def test_the_trained_connector_is_written_after_everything_else(world: Path, tmp_path: Path) -> None:
    module = fit(world, tmp_path)
    file = tmp_path / "connector.safetensors"
    loaded = TimestepAwareSemanticConnector.from_pretrained(str(file))
    for key, tensor in module.connector.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], tensor)
    assert read_checkpoint(str(file))[1] == {"format": "pt", "heads": "4", "steps": "2"}
    metrics = tmp_path / "logs" / "metrics.csv"
    assert metrics.read_text().count("\n") == 3
    assert metrics.stat().st_mtime_ns <= file.stat().st_mtime_ns


def test_a_run_that_fails_leaves_no_connector(world: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the machine is gone"):
        fit(world, tmp_path, FailAtTheSecondStep())
    assert not (tmp_path / "connector.safetensors").exists()


def test_the_bar_counts_batches_to_the_last_step(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(world, tmp_path, accumulate=2)
    shown = capsys.readouterr()
    assert "training: 100%" in shown.out + shown.err
    assert "4/4" in shown.out + shown.err
    assert "loss=" in shown.out + shown.err
    assert "v_num" not in shown.out + shown.err
