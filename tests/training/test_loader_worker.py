import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from training.loader_worker import outlive_sigterm

EXITS_WITHOUT_ENDING_ITS_LOADER = """
from tests.training.test_loader_worker import *
import builtins
builtins.kept = iter(loader())
assert next(kept) == 0
print("ends", flush=True)
"""


class Numbers(IterableDataset[int]):
    """Counts, as a stream of batches would."""

    def __iter__(self) -> Iterator[int]:
        yield from range(1_000_000)


def loader() -> DataLoader[int]:
    return DataLoader(Numbers(), batch_size=None, num_workers=1, worker_init_fn=outlive_sigterm)


def test_a_worker_goes_on_at_a_sigterm_that_is_not_the_trainers() -> None:
    batches: Any = iter(loader())
    assert next(batches) == 0
    subprocess.run(["kill", "-TERM", str(batches._workers[0].pid)], check=True)
    time.sleep(0.3)
    for number in range(1, 20):  # far more than it had ready
        assert next(batches) == number
    assert batches._workers[0].is_alive()


def test_a_worker_ends_when_the_trainer_wants_it() -> None:
    batches: Any = iter(loader())
    assert next(batches) == 0
    worker = batches._workers[0]
    os.kill(worker.pid, signal.SIGTERM)
    worker.join(timeout=30)
    assert worker.exitcode == 0


def test_a_process_that_exits_without_ending_its_loader_does_not_wait_for_ever() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXITS_WITHOUT_ENDING_ITS_LOADER],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "ends\n", done.stderr
