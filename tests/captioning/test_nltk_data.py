"""NLTK's own downloader against a real server that has the data, one that has it damaged, and none at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from captioning import part_of_speech
from captioning.nltk_data import fetch_nltk_data, nltk_folder
from captioning.part_of_speech import has_nltk_data, tags
from tests.captioning.nltk_server import TAGGER, NltkServer, nltk_server, without_nltk_data

DEAD = "http://127.0.0.1:9"


@pytest.fixture
def server() -> Iterator[NltkServer]:
    with nltk_server() as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: NltkServer) -> Iterator[Path]:
    """Where the data will go, which is empty."""
    without_nltk_data(monkeypatch, tmp_path / "nltk", server.url)
    yield tmp_path / "nltk"
    part_of_speech._tagger.cache_clear()  # the next test has this machine's own data again


def test_what_is_missing_is_fetched_once_and_used(folder: Path, server: NltkServer) -> None:
    assert not has_nltk_data()
    assert fetch_nltk_data() is None
    assert tags("A Red Cat on a Mat") == [
        ("a", "DT"),
        ("red", "JJ"),
        ("cat", "NN"),
        ("on", "IN"),
        ("a", "DT"),
        ("mat", "NN"),
    ]
    assert (folder / "taggers" / TAGGER).is_dir()
    asked = len(server.asked)
    assert asked > 2
    part_of_speech._tagger.cache_clear()
    assert fetch_nltk_data() is None
    assert len(server.asked) == asked, "what is there is not fetched again"


def test_without_a_server_the_reason_is_one_line_and_nothing_is_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_nltk_data(monkeypatch, folder, DEAD)
    problem = fetch_nltk_data()
    assert problem is not None
    assert "refused" in problem
    assert "\n" not in problem
    assert not has_nltk_data()
    assert not folder.exists()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("damage", ["cut short", "not listed", "no index"])
def test_damaged_packages_are_not_used(folder: Path, server: NltkServer, damage: str) -> None:
    if damage == "cut short":
        server.files[f"/{TAGGER}.zip"] = server.files[f"/{TAGGER}.zip"][:-9]
    elif damage == "not listed":
        server.files["/index.xml"] = server.files["/index.xml"].replace(TAGGER.encode(), b"other")
    else:
        server.files["/index.xml"] = b"<html>Sign in to the network"
    problem = fetch_nltk_data()
    assert problem
    assert "\n" not in problem
    assert not has_nltk_data()


def test_it_goes_where_nltk_looks_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NLTK_DATA", f"{tmp_path / 'first'}:{tmp_path / 'second'}")
    assert nltk_folder() == tmp_path / "first"
    monkeypatch.setenv("NLTK_DATA", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert nltk_folder() == tmp_path / "nltk_data"
