"""Both trainers of the benchmark do the same steps, from whatever is cached."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.training_runs import (
    Pairs,
    Run,
    Setup,
    World,
    add_caches,
    load_batches,
    make_batches,
    make_world,
    now,
    ours,
    plain,
    save_batches,
)
from training.batch import Batch

EVERYTHING = {"sample_ids", "positions", "sizes", "crops", "pixels", "captions", "moments", "text", "empty_text"}


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp(request.param), request.param, 32)


@pytest.fixture(scope="module")
def batches(world: World) -> list[Batch]:
    return add_caches(world, make_batches(4, 32), "float32")


@pytest.fixture(scope="module")
def reference(world: World, batches: list[Batch]) -> Run:
    return plain(world, batches, steps=3)


@pytest.mark.parametrize("cached", [{}, {"latents": True}, {"latents": True, "text": True}])
def test_the_losses_are_the_plain_loops(
    world: World, batches: list[Batch], reference: Run, cached: dict[str, bool]
) -> None:
    run = ours(world, batches, Setup(**cached), steps=3)
    assert len(run.losses) == 4
    assert run.losses == pytest.approx(reference.losses, rel=1e-5)
    assert len(set(run.losses)) == 4
    assert run.steps == reference.steps == 3


def test_half_precision_and_attention_spelt_out_are_near(world: World, batches: list[Batch], reference: Run) -> None:
    setup = Setup(latents=True, text=True, channels_last=True)
    assert ours(world, batches, replace(setup, attention="spelt out"), steps=1).losses == pytest.approx(
        reference.losses[:2], rel=1e-5
    )
    half = ours(world, batches, replace(setup, precision="bfloat16"), steps=1).losses
    assert half == pytest.approx(reference.losses[:2], rel=5e-3)
    assert half != reference.losses[:2]


def test_a_trainer_sees_what_its_caches_would_hold(batches: list[Batch]) -> None:
    def keys(**cached: bool) -> set[str]:
        return set(next(iter(Pairs(batches, Setup(**cached)).train_dataloader())))

    assert keys() == EVERYTHING - {"moments", "text", "empty_text"}
    assert keys(latents=True) == EVERYTHING - {"pixels", "text", "empty_text"}
    assert keys(latents=True, text=True) == EVERYTHING - {"pixels", "captions"}
    assert Pairs(batches, Setup(latents=True)).cached == {"latents"}


def test_time_begins_after_the_first_steps(world: World, batches: list[Batch]) -> None:
    begin = now("cpu")
    run = ours(world, batches, Setup(latents=True, text=True), steps=2, warm=2)
    assert 0 < run.seconds < now("cpu") - begin
    assert (len(run.losses), run.steps) == (4, 2)


def test_batches_come_back_from_disk(batches: list[Batch], tmp_path: Path) -> None:
    save_batches(batches, tmp_path / "batches.pt")
    for one, other in zip(load_batches(tmp_path / "batches.pt"), batches, strict=True):
        assert one.keys() == other.keys() == EVERYTHING
        assert torch.equal(one["text"].features, other["text"].features)
        assert torch.equal(one["moments"], other["moments"])
        assert one["captions"] == other["captions"]
