"""What trainings on two ranks left behind, made once for all tests of callbacks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def ranks(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the trainings of `tests.training.callbacks.ranks`."""
    folder = tmp_path_factory.mktemp("ranks")
    # A fresh process, because one with threads, as tests of the pipeline leave behind, must not be forked.
    result = subprocess.run(
        [sys.executable, "-m", "tests.training.callbacks.ranks", str(world), str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    return folder
