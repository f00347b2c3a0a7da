"""Averages and errors against the standard library's, and sums that merge."""

import json
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioning.statistics.histogram import Histogram


@given(st.lists(st.integers(0, 10_000), min_size=2))
def test_mean_and_standard_error_are_those_of_the_sample(numbers: list[int]) -> None:
    histogram = Histogram(numbers)
    assert histogram.mean == pytest.approx(statistics.fmean(numbers))
    assert histogram.standard_error == pytest.approx(statistics.stdev(numbers) / math.sqrt(len(numbers)))


def test_equal_numbers_far_from_zero_have_no_error() -> None:
    assert Histogram([10**9 + 1] * 3).standard_error == 0.0


def test_one_text_has_no_error_and_none_have_no_mean() -> None:
    assert Histogram([4]).standard_error is None
    assert (Histogram().mean, Histogram().share_above(3), Histogram().standard_error) == (0.0, 0.0, None)


def test_the_share_above_a_limit_leaves_the_limit_out() -> None:
    assert Histogram([76, 77, 78, 200]).share_above(77) == 0.5


@given(st.lists(st.integers(0, 99)), st.lists(st.integers(0, 99)))
def test_merged_parts_are_the_whole_after_a_way_through_json(some: list[int], others: list[int]) -> None:
    merged = Histogram.from_json(json.loads(json.dumps(Histogram(some).to_json())))
    merged.merge(Histogram(others))
    assert merged == Histogram(others + some)
    assert (merged.texts, merged.total) == (len(some) + len(others), sum(some) + sum(others))


def test_json_is_in_order() -> None:
    assert list(Histogram([10, 9, 100, 9]).to_json().items()) == [("9", 2), ("10", 1), ("100", 1)]
