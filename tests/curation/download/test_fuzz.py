"""A few thousand damaged photographs: each is decoded or rejected, and none kills the decoder."""

import io

import pytest

from tests.curation.download.fuzz import RESIZER, fuzz, mutant, sound_files
from tests.curation.download.poison import DEADLY, poison

COUNT = 3000


def test_every_sound_file_is_decoded() -> None:
    assert [RESIZER(io.BytesIO(content))[-1] for content in sound_files()] == [None] * 70


def test_a_mutant_is_the_same_for_the_same_seed_and_seldom_sound() -> None:
    files = sound_files()
    mutants = [mutant(files, seed) for seed in range(200)]
    assert mutants == [mutant(files, seed) for seed in range(200)]
    assert sum(content in files for content in mutants) < 10


def test_no_mutant_kills_the_decoder() -> None:
    outcomes, deadly = fuzz(COUNT, seed=0)
    assert list(deadly) == [], "mutant(sound_files(), seed) makes it again"
    assert sum(outcomes.values()) == COUNT
    assert outcomes["decoded"] > COUNT / 10, "damage so heavy that no decoder is reached tests none"
    assert outcomes["undecodable"] + outcomes["truncated"] > COUNT / 10


def test_a_decoder_with_a_fatal_bug_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DEADLY)
    monkeypatch.setattr("tests.curation.download.fuzz.sound_files", lambda: [poison()])
    outcomes, deadly = fuzz(2, seed=0)
    assert len(deadly) == outcomes["quarantined"] > 0
