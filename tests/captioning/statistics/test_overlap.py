"""Words that were there already, and names that are lost, against counts taken by hand."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captioning.part_of_speech import has_nltk_data, nltk_data_advice
from captioning.statistics import overlap
from captioning.statistics.overlap import AltTextOverlap
from captioning.statistics.ratio import Ratio

PAIRS = [("A red dog. Red!", "red DOG photo"), ("Two cats", "cat")]
"""By hand: `red`, `dog` and `red` of 4 words, none of 2."""
NAMES = [
    ("A lake before mountains in Italy", "sunset over Lake Como in Italy, a photo by Jane"),
    ("A bottle of coca cola", "a bottle of Coca-Cola on ice"),
    ("A dress", "Red Dress With White Flowers"),
    ("A dog", "a dog"),
]
"""By hand: of lake, como, italy and jane two are lost; of coca-cola nothing; the third is a title, the last bare."""

TEXT = st.lists(st.sampled_from(["a", "b", "Rome", "in"]), max_size=5).map(" ".join)

needs_nltk_data = pytest.mark.skipif(not has_nltk_data(), reason=nltk_data_advice())


def test_the_words_that_were_there_are_those_counted_by_hand() -> None:
    found = AltTextOverlap.of(PAIRS).words
    assert (found.units, found.whole, found.part, found.share) == (2, 6, 3, 0.5)


@needs_nltk_data
def test_the_names_that_are_lost_are_those_counted_by_hand() -> None:
    found = AltTextOverlap.of(NAMES)
    assert (found.names.units, found.names.whole, found.names.part) == (3, 5, 2)
    shown = found.overlap()
    assert (shown.pairs, shown.titles, shown.names, shown.names_lost, shown.share_lost) == (4, 1, 5, 2, 0.4)
    assert shown.share_lost_error == found.names.standard_error
    assert shown.lost.words == (("como", 1), ("jane", 1))


def test_without_nltk_data_no_names_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "has_nltk_data", lambda: False)
    found = AltTextOverlap.of(NAMES)
    assert found.names == Ratio()
    shown = found.overlap()
    assert shown.pairs == 4
    assert shown.names is shown.names_lost is shown.share_lost is shown.share_lost_error is None


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT)), st.lists(st.tuples(TEXT, TEXT)))
def test_parts_merge_into_the_whole(some: list[tuple[str, str]], others: list[tuple[str, str]]) -> None:
    merged = AltTextOverlap.from_json(json.loads(json.dumps(AltTextOverlap.of(some).to_json())))
    merged.merge(AltTextOverlap.of(others))
    assert merged == AltTextOverlap.of(others + some)


def test_batches_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = AltTextOverlap.of(PAIRS + NAMES)
    monkeypatch.setattr(overlap, "_BATCH", 2)
    assert AltTextOverlap.of(PAIRS + NAMES) == whole
