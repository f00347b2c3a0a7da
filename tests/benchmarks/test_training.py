"""The benchmark compares equal losses alone, and its table says what was measured."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from benchmarks.training import PLAIN, SETUPS, Measured, Work, check, make_work, measure, memory, table
from benchmarks.training_runs import Run


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    return make_work(tmp_path_factory.mktemp("work"), narrower=32, resolution=32, pairs=2, steps=1, threads=1)


def measured(seconds: Sequence[float], mebibytes: int) -> list[Measured]:
    runs = [Run(losses=[1.0, 2.0], seconds=2 * value, steps=2) for value in seconds]
    return [Measured(run=run, peak=mebibytes * 2**20) for run in runs]


def test_a_run_is_measured_with_its_memory(work: Work) -> None:
    losses = {}
    for name in (PLAIN, "both caches, float32"):
        one = measure(name, work, libraries=0)
        losses[name] = one.run.losses
        assert 0 < one.run.seconds < 60
        assert one.peak >= memory("VmRSS") * 0.9
    assert losses[PLAIN] == pytest.approx(losses["both caches, float32"], rel=1e-5)


def test_memory_counts_what_was_given_back() -> None:
    before = memory("VmHWM")
    torch.ones(before, dtype=torch.uint8)
    assert memory("VmHWM") > 1.3 * before


def test_the_table_has_medians_of_ratios_and_the_largest_peaks(work: Work) -> None:
    rows = {PLAIN: measured([4.0, 8.0, 4.0], 200), **{name: measured([2.0, 2.0, 1.0], 100) for name in SETUPS}}
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table(rows, work).splitlines()[2:]]
    assert lines[0] == [PLAIN, "4.00", "", "", "200", "", ""]
    assert lines[1] == ["nothing cached, float32", "2.00", "4.00x", "", "100", "50%", ""]
    assert lines[-1] == ["both caches", "2.00", "4.00x", "3x", "100", "50%", "under 70%"]


def test_losses_that_differ_are_not_compared() -> None:
    losses = {PLAIN: [1.0, 2.0], **{name: [1.0, 2.0] for name in SETUPS}}
    assert "losses of 2 steps agree" in check(losses)
    for wrong in ([1.0, 2.001], [1.0, float("nan")]):
        with pytest.raises(SystemExit, match=r"both caches, float32: losses .* nothing to compare"):
            check({**losses, "both caches, float32": wrong})


def test_the_work_is_on_disk(work: Work) -> None:
    assert {path.name for path in Path(work.world.folder).iterdir()} == {"batches.pt", "diffusion", "text"}
