"""Peak memory in the log, against what the operating system says."""

import resource
from pathlib import Path

import torch

from tests.training.callbacks.fitting import fit, logged
from training.callbacks import PeakMemory
from training.callbacks.peak_memory import GIB


def kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_it_lies_between_the_peaks_before_and_after(world: Path, tmp_path: Path) -> None:
    before = kilobytes()
    fit(world, tmp_path, PeakMemory(), max_steps=3, log_every_n_steps=3)
    (row,) = logged(tmp_path)
    assert before * 1024 / GIB * 0.999 <= row["peak_memory_gib"] <= kilobytes() * 1024 / GIB * 1.001


def test_memory_that_was_used_and_given_back_counts() -> None:
    extra = kilobytes() * 1024 // 2
    before = PeakMemory().peak(torch.device("cpu"))
    torch.ones(extra, dtype=torch.uint8)
    assert PeakMemory().peak(torch.device("cpu")) > before


def test_it_is_the_most_of_any_rank(ranks: Path) -> None:
    assert logged(ranks / "memory")[0]["peak_memory_gib"] == 4.0
