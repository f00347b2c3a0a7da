"""A share against counts taken by hand, and its error against the textbook's formula."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioning.statistics.ratio import Ratio

UNITS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)))


def of(units: list[tuple[int, int]]) -> Ratio:
    ratio = Ratio()
    for whole, part in units:
        ratio.add(whole, part)
    return ratio


def test_the_share_is_of_all_units_together() -> None:
    assert of([(4, 3), (2, 0)]).share == 0.5


def test_the_error_is_that_of_a_ratio_of_two_sums() -> None:
    wholes, parts = [4, 2, 5], [3, 0, 1]
    share = sum(parts) / sum(wholes)
    residuals = sum((part - share * whole) ** 2 for whole, part in zip(wholes, parts, strict=True))
    expected = math.sqrt(residuals / (3 - 1) / 3) / (sum(wholes) / 3)
    assert of(list(zip(wholes, parts, strict=True))).standard_error == pytest.approx(expected)


@given(UNITS, UNITS)
def test_parts_merge_into_the_whole(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    merged = Ratio.from_json(json.loads(json.dumps(of(some).to_json())))
    merged.merge(of(others))
    assert merged == of(others + some)


def test_nothing_has_no_share_and_one_unit_no_error() -> None:
    assert of([]).share is None
    assert of([(0, 0)]).share is None
    assert of([(2, 1)]).standard_error is None
