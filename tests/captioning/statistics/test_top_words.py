"""Counts that are cut on disk say by how much they may be short."""

import json
from collections import Counter

import pytest

from captioning.statistics import top_words
from captioning.statistics.top_words import TopWords


def test_a_ranking_is_by_count_and_then_by_the_alphabet() -> None:
    words = TopWords()
    words.update(["dog", "cat", "sky", "sky"])
    words.update({"cow": 3})
    found = words.ranking()
    assert found.words == (("cow", 3), ("sky", 2), ("cat", 1), ("dog", 1))
    assert (found.distinct, found.total, found.short_by) == (4, 7, 0)


def test_rare_words_are_left_out_on_disk_and_the_merged_counts_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(top_words, "KEPT", 2)
    parts = [Counter(sky=9, dog=5, cat=4, cow=1), Counter(cat=7, sky=3, dog=2)]
    merged = TopWords()
    for part in parts:
        merged.merge(TopWords.from_json(json.loads(json.dumps(TopWords(counts=part).to_json()))))
    found = merged.ranking()
    assert found.words == (("sky", 12), ("cat", 7), ("dog", 5))
    assert found.short_by == 4 + 2, "cat lost 4 in the first part, dog 2 in the second"
    whole = sum(parts, Counter())
    assert found.total == whole.total()
    assert all(count <= whole[word] <= count + found.short_by for word, count in found.words)


def test_a_ranking_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(top_words, "SHOWN", 1)
    found = TopWords(counts=Counter(sky=2, dog=1)).ranking()
    assert (found.words, found.distinct) == ((("sky", 2),), 2)
