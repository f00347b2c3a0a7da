"""Shares of repeats against texts whose repeats are known, exact below the limit and within their errors beyond it."""

import json
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captioning.statistics import duplicates
from captioning.statistics.duplicates import DuplicateSketch
from captioning.statistics.minhash import groups_of, runs_of


def of(texts: list[list[str]]) -> DuplicateSketch:
    sketch = DuplicateSketch()
    for start in range(0, len(texts), 100):
        sketch.update(texts[start : start + 100])
    return sketch


def some_texts(number: int, exact: int, near: int, seed: int = 0) -> list[list[str]]:
    """`number` different texts of 60 words, some of them again, and some again with another last word."""
    numbers = random.Random(seed)
    texts = [[f"word{numbers.randrange(3000)}" for _ in range(60)] for _ in range(number)]
    found = texts + texts[:exact] + [[*words[:-1], "end"] for words in texts[number - near :]]
    numbers.shuffle(found)
    return found


def test_repeats_are_counted_word_for_word_and_nearly() -> None:
    found = of(some_texts(300, exact=60, near=40)).duplicates()
    assert found.exact == 60 / 400
    assert found.near == pytest.approx(100 / 400, abs=0.015), "of near pairs one in forty has another group"
    assert found.near > found.exact
    assert (found.compared, found.sampled, found.exact_error, found.near_error) == (400, False, 0.0, 0.0)
    assert [repeated.count for repeated in found.most_frequent] == [2] * 10


def test_a_sample_gives_the_shares_within_their_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "LIMIT", 400)
    texts = some_texts(3000, exact=600, near=400)
    texts += [texts[0]] * 1000
    random.Random(1).shuffle(texts)
    sketch = of(texts)
    found = sketch.duplicates()
    assert found.sampled
    assert sum(map(len, sketch.groups.values())) <= 400
    assert 400 < found.compared < 2000
    for share, error, expected in ((found.exact, found.exact_error, 1600), (found.near, found.near_error, 2000)):
        assert share is not None
        assert error is not None
        assert 0 < error < 0.03
        assert abs(share - expected / 5000) < 3 * error
    assert found.most_frequent[0].count in (1001, 1002)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=5), max_size=15),
    st.lists(st.integers(0, 15), max_size=4),
    st.randoms(use_true_random=False),
)
def test_any_split_merged_in_any_order_is_the_whole(
    texts: list[list[str]], cuts: list[int], order: random.Random
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "LIMIT", 4)
        bounds = [0, *sorted(cuts), len(texts)]
        parts = [of(texts[start:stop]) for start, stop in pairwise(bounds)]
        order.shuffle(parts)
        merged = DuplicateSketch()
        for part in parts:
            merged.merge(DuplicateSketch.from_json(json.loads(json.dumps(part.to_json()))))
        order.shuffle(texts)
        assert merged == of(texts)
        assert merged.to_json() == of(texts).to_json()


def test_a_group_that_was_left_out_stays_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """There would be room for one of its texts, which alone would make it seem small."""
    monkeypatch.setattr(duplicates, "LIMIT", 3)
    texts = [["a", "b", "c", *end] for end in ([], ["e"])] + [[f"word{number}"] for number in range(20)]
    both, other, *more = groups_of(runs_of(texts))
    assert both == other, "their common run has the smallest hash"
    first, second = [[texts[2 + place]] for place, group in enumerate(more) if group < both][:2]
    sketch = of([*first, *second, texts[0], texts[1]])
    assert len(sketch.groups) == 2
    sketch.update([texts[0]])
    assert both not in sketch.groups


def test_what_is_written_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "LIMIT", 50)
    short, long = (len(json.dumps(of(some_texts(number, 0, 0)).to_json()["groups"])) for number in (100, 1000))
    assert max(short, long) < 50 * 90


def test_no_texts_have_no_shares() -> None:
    found = DuplicateSketch().duplicates()
    assert (found.exact, found.near, found.compared, found.most_frequent) == (None, None, 0, ())
