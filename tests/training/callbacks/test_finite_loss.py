"""A loss that is no number ends the training, and names its pairs."""

import json
from pathlib import Path

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from pipelines.cli import main as ella
from tests.training import tiny
from tests.training.callbacks.fitting import Witness, fit
from tests.training.callbacks.ranks import Poison
from tests.training.test_fit import QUICKSTART
from training.callbacks import FiniteLoss, NonFiniteLossError, SaveConnector


def test_the_pairs_of_the_batch_are_in_the_file_that_the_error_names(world: Path, tmp_path: Path) -> None:
    witness = Witness()
    with pytest.raises(NonFiniteLossError, match="the loss of 2 of the 2 pairs of batch 2 is NaN") as error:
        fit(world, tmp_path, Poison(batch=2), FiniteLoss(), witness, SaveConnector(str(tmp_path)), max_steps=5)
    file = tmp_path / "nonfinite-rank0.json"
    assert f"{file} lists" in str(error.value)
    report = json.loads(file.read_text())
    assert report["batch"] == 2
    assert [pair["sample_id"] for pair in report["pairs"]] == witness.outputs[2]["sample_ids"]
    assert [pair["timestep"] for pair in report["pairs"]] == witness.outputs[2]["timesteps"].tolist()
    assert {pair["loss"] for pair in report["pairs"]} == {"nan"}
    assert not (tmp_path / "connector.safetensors").exists()


def test_no_checkpoint_is_written_after_it(world: Path, tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=1, save_top_k=-1)
    with pytest.raises(NonFiniteLossError):
        fit(world, tmp_path, Poison(batch=2), FiniteLoss(), keep, max_steps=5, enable_checkpointing=True)
    assert sorted(path.name for path in tmp_path.glob("*.ckpt")) == ["step=1.ckpt", "step=2.ckpt"]


def test_the_last_batch_of_all_is_looked_at_too(world: Path, tmp_path: Path) -> None:
    with pytest.raises(NonFiniteLossError, match="batch 1 "):
        fit(world, tmp_path, Poison(batch=1), FiniteLoss(), SaveConnector(str(tmp_path)), max_steps=2)
    assert not (tmp_path / "connector.safetensors").exists()


def test_every_rank_stops_for_one(ranks: Path) -> None:
    error = json.loads((ranks / "poison" / "end.json").read_text())["error"]
    assert "the loss of 2 of the 2 pairs of batch 1 " in error or "the loss of another rank's batch" in error
    assert [path.name for path in (ranks / "poison").glob("nonfinite-*")] == ["nonfinite-rank1.json"]


def test_the_command_fails_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tiny.save_world(tmp_path / "run")
    args = ["--config", QUICKSTART, "--dir", folder, "--model.learning_rate", "1e30"]
    capsys.readouterr()
    assert ella(["train", "fit", *args, "--trainer.enable_progress_bar", "false"]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("ella: train failed: the loss of ")
    assert f"{folder}/connector/nonfinite-rank0.json lists the batch's sample_ids" in lines[0]
