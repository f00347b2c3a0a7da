"""One local Ray for every test here that needs one: it takes seconds to start."""

from collections.abc import Iterator

import pytest

from pipelines.chain import cluster


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """The address of a Ray that the tests of this session share."""
    with cluster(None):
        import ray

        yield ray.get_runtime_context().gcs_address
