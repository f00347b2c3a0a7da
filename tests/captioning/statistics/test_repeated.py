"""Counts of whole texts: exact while there is room, and never short by more than they say."""

import json
import random
from collections import Counter

import pytest

from captioning.statistics import repeated
from captioning.statistics.distinct import stable_hash
from captioning.statistics.repeated import LONGEST, RepeatedText, RepeatedTexts


def of(texts: list[str]) -> RepeatedTexts:
    counted = RepeatedTexts()
    for start in range(0, len(texts), 10):
        counted.update(texts[start : start + 10])
    return counted


def test_texts_that_occur_more_than_once_are_ranked() -> None:
    found = of(["a", "b", "a", "c", "b", "a"]).ranking()
    assert found == (RepeatedText(text="a", count=3, short_by=0), RepeatedText(text="b", count=2, short_by=0))


@pytest.mark.parametrize("parts", [1, 4])
def test_a_count_is_short_by_no_more_than_it_says(monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    monkeypatch.setattr(repeated, "HELD", 30)
    monkeypatch.setattr(repeated, "KEPT", 20)
    texts = [f"text {number}" for number in range(400)] + ["often"] * 60 + ["seldom"] * 30
    random.Random(0).shuffle(texts)
    merged = RepeatedTexts()
    for part in range(parts):
        merged.merge(RepeatedTexts.from_json(json.loads(json.dumps(of(texts[part::parts]).to_json()))))
    assert len(merged.counts) <= 60
    assert merged.short > 0
    true = Counter(texts)
    for text, count in true.items():
        assert merged.counts[text] <= count <= merged.counts[text] + merged.short
    assert [found.text for found in merged.ranking()][:2] == ["often", "seldom"]


def test_what_is_written_is_cut_and_what_is_held_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated, "KEPT", 2)
    counted = of(["a", "a", "b", "b", "c"])
    written = counted.to_json()
    assert written == {"counts": {"a": 2, "b": 2}, "short": 1}
    assert counted == of(["a", "a", "b", "b", "c"])


def test_parts_forget_the_same_of_equal_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a text that occurs once in every part is found, if it is kept in one."""
    monkeypatch.setattr(repeated, "KEPT", 10)
    everywhere = min((f"t{number}" for number in range(1000)), key=stable_hash)
    merged = RepeatedTexts()
    for part in range(20):
        counted = of([everywhere, *(f"{part} {number}" for number in range(50))])
        merged.merge(RepeatedTexts.from_json(counted.to_json()))
    assert merged.ranking()[0] == RepeatedText(text=everywhere, count=20, short_by=20)


def test_long_texts_are_shortened_and_still_told_apart() -> None:
    one, other = "word " * 100_000 + "one", "word " * 100_000 + "other"
    counted = of([one, one, other, other, other])
    assert [found.count for found in counted.ranking()] == [3, 2]
    assert all(len(text) < LONGEST + 20 for text in counted.counts)
    assert counted.frequent(2) == {stable_hash(other): 3}
    assert of(["a", "a"]).frequent(1) == {stable_hash("a"): 2}
