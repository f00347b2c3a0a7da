"""One small world, made once for all tests of it."""

from pathlib import Path

import pytest

from pipelines.miniature import Miniature, aesthetic, captioner

SCENES = 40


@pytest.fixture(scope="session")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    """A prepared world, whose models were fitted to fewer drawings for fewer steps than usual; do not write to it."""
    world = Miniature(dir=str(tmp_path_factory.mktemp("miniature")), scenes=SCENES, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aesthetic, "FIT_SCENES", 200)
        patch.setattr(aesthetic, "HELD_OUT_SCENES", 40)
        patch.setattr(captioner, "SCENES", 96)
        patch.setattr(captioner, "HELD_OUT_SCENES", 8)
        patch.setattr(captioner, "STEPS", 60)
        world.prepare()
    return world


@pytest.fixture(scope="session")
def models(miniature: Miniature) -> Path:
    """The folder with the small models."""
    return miniature.models
