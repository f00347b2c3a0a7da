"""Draws by name."""

from collections import Counter

import pytest

from captioning.choice import check_weights, choose, seed

NAMES = [f"name {number}" for number in range(4000)]


def test_a_seed_is_its_names_for_ever() -> None:
    assert seed("caption 0011 1") == 532946593525371722
    assert len({seed(name) for name in NAMES}) == len(NAMES)
    assert all(0 <= seed(name) < 2**63 for name in NAMES)


def test_choices_have_their_shares_and_never_change() -> None:
    weights = {"a": 3.0, "never": 0.0, "b": 1.0}
    counted = Counter(choose(weights, name) for name in NAMES)
    assert set(counted) == {"a", "b"}
    assert abs(counted["b"] / len(NAMES) - 0.25) < 0.03
    assert [choose(weights, name) for name in NAMES] == [choose(weights, name) for name in NAMES]
    assert choose({"only": 0.1, "never": 0.0}, "x") == "only"


def test_the_order_of_the_weights_decides_nothing() -> None:
    assert [choose({"a": 1, "b": 2}, name) for name in NAMES] == [choose({"b": 2, "a": 1}, name) for name in NAMES]


def test_twice_the_weights_are_the_same_choice() -> None:
    small, large = {"a": 0.2, "b": 0.6}, {"a": 2.0, "b": 6.0}
    assert [choose(small, name) for name in NAMES[:500]] == [choose(large, name) for name in NAMES[:500]]


@pytest.mark.parametrize("weights", [{}, {"a": 0.0}, {"a": 1.0, "b": -0.5}, {"a": float("nan")}, {"a": float("inf")}])
def test_weights_that_allow_no_choice_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="mix: got weights"):
        check_weights(weights, "mix")


def test_weights_that_allow_one_are_taken() -> None:
    check_weights({"a": 0.0, "b": 2.0}, "mix")
