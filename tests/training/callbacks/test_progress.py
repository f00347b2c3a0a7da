"""The bar that a person watches."""

from pathlib import Path

import pytest

from tests.training.callbacks.fitting import fit
from training.callbacks import TrainingProgress


def test_the_bar_counts_batches_to_the_last_step(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(world, tmp_path, TrainingProgress(), max_steps=2, accumulate_grad_batches=2, enable_progress_bar=True)
    shown = "".join(capsys.readouterr())
    assert "training: 100%" in shown
    assert "4/4" in shown
    assert "loss=" in shown
    assert "v_num" not in shown


def test_the_bar_stands_still_for_a_moment(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.callbacks.progress.SECONDS_BETWEEN", 1e9)
    fit(world, tmp_path, TrainingProgress(), max_steps=3, enable_progress_bar=True)
    shown = "".join(capsys.readouterr())
    assert "3/3" in shown
    assert "2/3" not in shown
