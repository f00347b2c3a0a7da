"""The plain loop trains as the project's trainer does, and keeps what that does not need."""

from pathlib import Path

import pytest
import torch

from benchmarks import plain_training
from benchmarks.plain_training import Drawn
from benchmarks.training_models import make_connector
from benchmarks.training_runs import World, make_batches, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"), "sd15", 32)


def drawn(dropped: bool) -> Drawn:
    generator = torch.Generator().manual_seed(0)
    latents, noise = torch.randn(2, 2, 4, 4, 4, generator=generator)
    return Drawn(latents=latents, noise=noise, timesteps=torch.tensor([10, 900]), dropped=torch.tensor([dropped] * 2))


def losses(world: World, dropped: bool = False, steps: int = 4) -> tuple[list[float], torch.nn.Module]:
    connector = make_connector("sd15", 32)
    batches = make_batches(2, 32)[:1] * steps
    return list(
        plain_training.train(world.diffusion, world.text, connector, batches, lambda _: drawn(dropped))
    ), connector


def test_the_connector_learns_and_the_loss_falls(world: World) -> None:
    values, connector = losses(world)
    assert values == sorted(values, reverse=True)
    before = make_connector("sd15", 32).state_dict()
    assert all(not torch.equal(before[name], weight) for name, weight in connector.state_dict().items())


def test_dropped_captions_are_empty_ones(world: World) -> None:
    assert losses(world, dropped=True, steps=1)[0] != losses(world, steps=1)[0]


def test_a_step_a_batch(world: World) -> None:
    assert len(losses(world, steps=3)[0]) == 3


def test_models_are_read_from_their_folders(tmp_path: Path) -> None:
    empty = World(folder=tmp_path, base="sd15", narrower=32)
    with pytest.raises(OSError, match="text"):
        losses(empty)
