"""Parts of the small world that all tests here share."""

from pathlib import Path

import pytest

from pipelines.miniature import Miniature


@pytest.fixture(scope="session")
def models(miniature: Miniature) -> Path:
    """The folder with the small models."""
    return miniature.models
