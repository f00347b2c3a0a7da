"""A set that turns into a sample of itself, in the same way in any order."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captioning.statistics import distinct
from captioning.statistics.distinct import DistinctWords

WORDS = st.dictionaries(st.text("abc", max_size=3), st.integers(0, 3), max_size=12)


def one_pass(parts: list[dict[str, int]]) -> DistinctWords:
    words = DistinctWords()
    for part in parts:
        words.update(part)
    return words


def through_json(words: DistinctWords) -> DistinctWords:
    return DistinctWords.from_json(json.loads(json.dumps(words.to_json())))


@settings(max_examples=200)
@given(st.lists(WORDS, max_size=6), st.randoms(use_true_random=False))
def test_any_order_of_merging_gives_one_pass(parts: list[dict[str, int]], order: random.Random) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct, "LIMIT", 8)
        found = [through_json(one_pass([part])) for part in parts]
        while len(found) > 1:
            other = found.pop(order.randrange(len(found)))
            found[order.randrange(len(found))].merge(other)
        union = set().union(*parts)
        merged = found[0] if found else DistinctWords()
        assert merged == one_pass(parts)
        assert merged.complete == (len(union) <= 8)
        assert set(merged.levels) == set(sorted(union, key=distinct.stable_hash)[:8])
        assert all(level == max(part.get(word, -1) for part in parts) for word, level in merged.levels.items())


def test_up_to_the_limit_counts_are_exact() -> None:
    words = one_pass([{"a": 0, "b": 2}, {"b": 1, "c": 1}])
    assert [words.count(level) for level in range(4)] == [3, 2, 1, 0]
    assert words.relative_error() == 0.0


def test_beyond_the_limit_the_estimate_is_within_its_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct, "LIMIT", 2_000)
    words = one_pass([{f"word{number}": number % 2 for number in range(50_000)}])
    assert len(words.levels) == 2_000
    assert not words.complete
    assert words.relative_error() == pytest.approx(0.0224, abs=1e-4)
    assert words.count() == pytest.approx(50_000, rel=3 * words.relative_error())
    assert words.count(1) == pytest.approx(25_000, rel=3 * words.relative_error(1))


def test_hashes_are_the_same_on_every_machine() -> None:
    assert distinct.stable_hash("") == 0xE4A6A0577479B2B4
    assert distinct.stable_hash("\ud800") != distinct.stable_hash("")
