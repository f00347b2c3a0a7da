"""Logs that Lightning's loggers wrote, read back."""

from pathlib import Path

import pytest
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from training.metrics import find, read_metrics


def write(logger: CSVLogger | TensorBoardLogger, values: dict[int, dict[str, float]]) -> None:
    for step, metrics in values.items():
        logger.log_metrics(metrics, step)
    logger.save()
    logger.finalize("success")


@pytest.mark.parametrize("kind", [CSVLogger, TensorBoardLogger])
def test_every_value_stands_at_its_step(tmp_path: Path, kind: type[CSVLogger] | type[TensorBoardLogger]) -> None:
    write(kind(str(tmp_path), name="", version="logs"), {0: {"loss": 1.5}, 49: {"loss": 0.25, "validation_loss": 2.0}})
    metrics = read_metrics(str(tmp_path))
    assert metrics["loss"] == {0: 1.5, 49: 0.25}
    assert metrics["validation_loss"] == {49: 2.0}


def test_a_resumed_run_is_one_series(tmp_path: Path) -> None:
    write(TensorBoardLogger(str(tmp_path), name="", version="logs"), {0: {"loss": 3.0}, 1: {"loss": 2.0}})
    write(TensorBoardLogger(str(tmp_path), name="", version="logs"), {1: {"loss": 2.5}, 2: {"loss": 1.0}})
    assert read_metrics(str(tmp_path))["loss"] == {0: 3.0, 1: 2.5, 2: 1.0}


def test_files_are_found_two_folders_down_and_the_nearest_first(tmp_path: Path) -> None:
    for folder in ("a/b", "a", "a/b/c"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "config.yaml").touch()
    found = [str(path.relative_to(tmp_path)) for path in find(str(tmp_path), "config.yaml")]
    assert found == ["a/config.yaml", "a/b/config.yaml"]


def test_a_folder_without_logs_has_no_metrics(tmp_path: Path) -> None:
    assert read_metrics(str(tmp_path)) == {}
