"""Fixtures of the download tests: the misbehaving server, and urllib left as it was found."""

import urllib.request
from collections.abc import Iterator

import pytest

from tests.curation.download.server import Server, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def canary() -> Iterator[Server]:
    """A server that nothing may reach."""
    with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def _urllib_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "_opener", None)
