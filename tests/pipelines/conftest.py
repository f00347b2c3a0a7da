"""What takes long to make, made once for all tests here: a local Ray, a small world, a whole run in it."""

from collections.abc import Iterator

import pytest

from pipelines.chain import cluster
from pipelines.miniature import Miniature, aesthetic, captioner
from tests.pipelines.whole_run import WholeRun

SCENES = 40


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """The address of a Ray that the tests of this session share."""
    with cluster(None):
        import ray

        yield ray.get_runtime_context().gcs_address


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
def whole_run(miniature: Miniature, tmp_path_factory: pytest.TempPathFactory) -> WholeRun:
    """The quickstart's configuration, run to its end in the small world; do not write to it."""
    run = WholeRun.configure(miniature, tmp_path_factory.mktemp("whole"))
    run.finish()
    return run
