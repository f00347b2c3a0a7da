"""The trained connector's file."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from tests.training.callbacks.fitting import fit
from training.callbacks import SaveConnector
from training.connectors import TimestepAwareSemanticConnector
from training.connectors.checkpoint import read_checkpoint


class FailAtTheSecondStep(Callback):
    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int) -> None:
        if batch_idx == 1:
            raise RuntimeError("the machine is gone")


def test_the_trained_connector_is_written_after_everything_else(world: Path, tmp_path: Path) -> None:
    module = fit(world, tmp_path, SaveConnector(str(tmp_path)), max_steps=2)
    file = tmp_path / "connector.safetensors"
    loaded = TimestepAwareSemanticConnector.from_pretrained(str(file))
    for key, tensor in module.connector.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], tensor)
    metadata = read_checkpoint(str(file))[1]
    assert (metadata["heads"], metadata["steps"]) == ("4", "2")
    metrics = tmp_path / "logs" / "metrics.csv"
    assert metrics.read_text().count("\n") == 3
    assert metrics.stat().st_mtime_ns <= file.stat().st_mtime_ns


def test_a_run_that_fails_leaves_no_connector(world: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the machine is gone"):
        fit(world, tmp_path, SaveConnector(str(tmp_path)), FailAtTheSecondStep(), max_steps=2)
    assert not (tmp_path / "connector.safetensors").exists()
