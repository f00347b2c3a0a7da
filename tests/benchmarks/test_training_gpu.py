"""The GPU benchmark's tables, from the code that runs there, on a CPU."""

import pytest
import torch

from benchmarks.training_gpu import (
    ARITHMETIC,
    LADDER,
    PLAIN,
    ROWS,
    Measured,
    Place,
    climb,
    interleaved,
    measure,
)
from benchmarks.training_runs import Run, World, add_caches, make_batches, make_world
from training.batch import Batch

PLACE = Place(device="cpu", steps=1, warm=1, rounds=1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"), "sd15", 32)


@pytest.fixture(scope="module")
def batches(world: World) -> list[Batch]:
    return add_caches(world, make_batches(4, 32), "bfloat16")


def cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"][2:]


def test_every_row_stands_beside_the_plain_loop(world: World, batches: list[Batch]) -> None:
    text = measure(world, batches, PLACE)
    assert text.startswith(f"mean losses: {PLAIN} ")
    rows = cells(text)
    assert [row[0] for row in rows] == [PLAIN, *ROWS["sd15"]]
    assert [row[2] for row in rows] == ["", "100", "155", "185"]
    for row in rows[1:]:
        assert float(row[3].removesuffix("x")) == pytest.approx(float(row[1]) / float(rows[0][1]), rel=0.05)


def test_the_ladder_has_its_rungs_in_order_with_their_batches(world: World, batches: list[Batch]) -> None:
    rows = cells(climb(world, batches, PLACE))
    assert [row[0] for row in rows] == [name for name, _, _ in LADDER]
    assert [row[2] for row in rows] == ["1", "1", "1", "1", "2", "4", "4"]
    assert rows[0][3] == ""


def test_what_does_not_fit_into_memory_is_said_and_not_tried_again() -> None:
    tries = []

    def too_large() -> Run:
        tries.append(1)
        raise torch.OutOfMemoryError

    run = Run(losses=[1.0], seconds=0.5, steps=4)
    place = Place(device="cpu", steps=1, warm=1, rounds=3)
    measured = interleaved({"large": (8, too_large), "small": (8, lambda: run)}, place)
    assert measured["large"] == Measured(runs=[], pairs=8, gib=0.0)
    assert len(tries) == 1
    assert measured["small"].speed == 64
    assert len(measured["small"].runs) == 3


def test_other_losses_are_not_compared(world: World, batches: list[Batch], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, loss in (("plain", 2.0), ("ours", float("nan"))):
        run = Run(losses=[loss, loss], seconds=1.0, steps=1)
        monkeypatch.setattr(f"benchmarks.training_gpu.{name}", lambda *_, run=run, **__: run)
    with pytest.raises(SystemExit, match="losses differ"):
        measure(world, batches, PLACE)


def test_the_arithmetic_is_that_of_what_is_not_cached() -> None:
    needed = ARITHMETIC["sd15"].needed
    assert needed(latents=True, text=True) == pytest.approx(1.684)
    assert needed(latents=True, text=False) == pytest.approx(1.984)
    assert needed(latents=False, text=False) == pytest.approx(3.104)
