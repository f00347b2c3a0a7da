"""What a training shows by default, in each logger that a configuration can name."""

import time
from pathlib import Path

import pytest
import wandb
import yaml

from tests.training import tiny
from tests.training.test_fit import QUICKSTART
from training.cli import main
from training.metrics import read_metrics

SHOWN = {"loss", "gradient_norm", "samples_per_second", "peak_memory_gib"}


TENSORBOARD = {
    "class_path": "lightning.pytorch.loggers.TensorBoardLogger",
    "init_args": {"save_dir": "${dir}/connector", "name": "", "version": "logs"},
}


def train(tmp_path: Path, logger: dict[str, object], *options: str) -> Path:
    """Two steps of the quickstart with another logger, as YAML names it; returns the run's folder."""
    config = yaml.safe_load(Path(QUICKSTART).read_text())
    config["trainer"]["logger"] = logger
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    folder = tiny.save_world(tmp_path / "run")
    main(["fit", "--config", str(tmp_path / "config.yaml"), "--dir", folder, "--trainer.max_steps", "2", *options])
    return Path(folder) / "connector"


def shown_offline(run: Path) -> set[str]:
    """Which of SHOWN are in the file that Weights & Biases' own process writes; it may take its time."""
    for _ in range(1200):
        written = run.read_bytes()
        if all(name.encode() in written for name in SHOWN):
            break
        time.sleep(0.1)
    return {name for name in SHOWN if name.encode() in written}


def test_tensorboard(tmp_path: Path) -> None:
    metrics = read_metrics(str(train(tmp_path, TENSORBOARD)))
    assert metrics.keys() >= SHOWN
    assert any(name.startswith("loss_by_timestep/") for name in metrics)
    assert set(metrics["loss"]) == {0, 1}
    assert metrics["samples_per_second"][1] > 0


def test_the_validation_loss_is_of_the_same_pairs_noise_and_timesteps_every_time(tmp_path: Path) -> None:
    validation = ["--data.validation_shards", "1", "--trainer.val_check_interval", "1", "--model.learning_rate", "0.0"]
    metrics = read_metrics(str(train(tmp_path, TENSORBOARD, *validation, "--trainer.limit_val_batches", "1.0")))
    assert len(metrics["validation_loss"]) == 2
    assert len(set(metrics["validation_loss"].values())) == 1
    assert len(set(metrics["loss"].values())) == 2


def test_weights_and_biases_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_SILENT", "true")
    settings = {"save_dir": "${dir}/connector", "project": "ella", "mode": "offline"}
    logger = {"class_path": "lightning.pytorch.loggers.WandbLogger", "init_args": settings}
    folder = train(tmp_path, logger)
    wandb.finish()  # as it does by itself when the process ends
    (run,) = folder.glob("wandb/offline-run-*/*.wandb")
    assert shown_offline(run) == SHOWN
    assert yaml.safe_load((folder / "config.yaml").read_text())["trainer"]["max_steps"] == 2
