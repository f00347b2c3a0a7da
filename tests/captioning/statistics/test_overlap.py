"""Shares of words against counts taken by hand, and errors against the textbook's formula."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioning.statistics.overlap import AltTextOverlap

PAIRS = [("A red dog. Red!", "red DOG photo"), ("Two cats", "cat")]
"""By hand: `red`, `dog` and `red` of 4 words, none of 2."""

TEXT = st.lists(st.sampled_from(["a", "b", "c"]), max_size=5).map(" ".join)


def test_the_share_is_that_counted_by_hand() -> None:
    overlap = AltTextOverlap.of(PAIRS)
    assert (overlap.pairs, overlap.words, overlap.shared) == (2, 6, 3)
    assert overlap.share == 0.5


def test_the_error_is_that_of_a_ratio_of_two_sums() -> None:
    shared, words = [3, 0], [4, 2]
    residuals = sum((x - 0.5 * y) ** 2 for x, y in zip(shared, words, strict=True))
    expected = math.sqrt(residuals / (2 - 1) / 2) / (sum(words) / 2)
    assert AltTextOverlap.of(PAIRS).standard_error == pytest.approx(expected)


@given(st.lists(st.tuples(TEXT, TEXT)), st.lists(st.tuples(TEXT, TEXT)))
def test_parts_merge_into_the_whole(some: list[tuple[str, str]], others: list[tuple[str, str]]) -> None:
    merged = AltTextOverlap.from_json(json.loads(json.dumps(AltTextOverlap.of(some).to_json())))
    merged.merge(AltTextOverlap.of(others))
    assert merged == AltTextOverlap.of(others + some)


def test_nothing_has_no_share() -> None:
    assert AltTextOverlap.of([]).share is None
    assert AltTextOverlap.of([("", "a dog")]).share is None
    assert AltTextOverlap.of([("a dog", "a")]).standard_error is None
