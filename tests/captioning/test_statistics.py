"""Averages against counts taken by hand, and sums that merge."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captioning import statistics
from captioning.part_of_speech import has_nltk_data, nltk_data_advice
from captioning.statistics import CaptionPartials, CaptionStatistics, caption_statistics, count_clip_tokens

TEXTS = ["A red truck.", "The old man waits quietly in the garden near a red Truck"]
"""By hand: 3 + 12 words; nouns: truck, and man, garden, truck; adjectives and adverbs: red, and old, quietly, red;
prepositions: in, near; CLIP tokens: a red truck . and the 12 words, and start and end of both."""

needs_nltk_data = pytest.mark.skipif(not has_nltk_data(), reason=nltk_data_advice())


@pytest.fixture
def without_nltk_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "has_nltk_data", lambda: False)


@needs_nltk_data
def test_averages_are_those_counted_by_hand() -> None:
    assert caption_statistics(TEXTS) == CaptionStatistics(
        texts=2,
        words=7.5,
        nouns=2.0,
        adjectives_adverbs=2.0,
        prepositions=1.0,
        clip_tokens=10.0,
        distinct_nouns=3,
    )


@pytest.mark.usefixtures("without_nltk_data")
def test_without_nltk_data_parts_of_speech_are_unknown_and_the_rest_is_counted() -> None:
    assert caption_statistics(TEXTS) == CaptionStatistics(
        texts=2,
        words=7.5,
        nouns=None,
        adjectives_adverbs=None,
        prepositions=None,
        clip_tokens=10.0,
        distinct_nouns=None,
    )


def test_one_part_without_tags_leaves_the_whole_unknown() -> None:
    tagged = CaptionPartials(texts=1, tagged_texts=1, words=2, nouns=1, clip_tokens=4, distinct_nouns={"dog"})
    tagged.merge(CaptionPartials(texts=1, words=4, clip_tokens=8))
    found = tagged.statistics()
    assert (found.texts, found.words, found.clip_tokens) == (2, 3.0, 6.0)
    assert found.nouns is found.adjectives_adverbs is found.prepositions is found.distinct_nouns is None


def test_words_are_what_white_space_of_any_kind_separates() -> None:
    assert caption_statistics([" two\n\twords  "]).words == 2.0


def test_no_texts_average_to_nothing() -> None:
    found = caption_statistics([])
    assert (found.texts, found.words, found.clip_tokens, found.nouns, found.distinct_nouns) == (0, 0.0, 0.0, 0.0, 0)


def test_merging_adds_every_sum_and_unites_the_nouns() -> None:
    one = CaptionPartials(
        texts=1, tagged_texts=2, words=3, nouns=4, adjectives_adverbs=5, prepositions=6, clip_tokens=7,
        distinct_nouns={"dog", "cat"},
    )  # fmt: skip
    one.merge(
        CaptionPartials(
            texts=10, tagged_texts=20, words=30, nouns=40, adjectives_adverbs=50, prepositions=60, clip_tokens=70,
            distinct_nouns={"cat", "cow"},
        )
    )  # fmt: skip
    assert one == CaptionPartials(
        texts=11, tagged_texts=22, words=33, nouns=44, adjectives_adverbs=55, prepositions=66, clip_tokens=77,
        distinct_nouns={"dog", "cat", "cow"},
    )  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=6), st.integers(0, 6))
def test_parts_merge_into_the_whole(texts: list[str], cut: int) -> None:
    merged = CaptionPartials.of(texts[:cut])
    merged.merge(CaptionPartials.of(texts[cut:]))
    assert merged == CaptionPartials.of(texts)


def test_json_keeps_everything_in_a_fixed_order() -> None:
    partials = CaptionPartials(texts=2, tagged_texts=2, words=5, nouns=3, clip_tokens=9, distinct_nouns={"b", "a"})
    text = json.dumps(partials.to_json())
    assert text.endswith('"distinct_nouns": ["a", "b"]}')
    assert CaptionPartials.from_json(json.loads(text)) == partials


@pytest.mark.parametrize(("text", "tokens"), [("", 2), ("a", 3), ("A photo!", 5), ("dog " * 100, 102)])
def test_clip_tokens_count_start_and_end_and_are_not_cut(text: str, tokens: int) -> None:
    assert count_clip_tokens(text) == tokens


def test_the_tokenizers_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "_MEMO_WORDS", 50)
    for number in range(500):
        count_clip_tokens(f"word{number} {number:b}a".translate(str.maketrans("0123456789", "abcdefghij")))
    assert len(statistics._clip_tokenizer().cache) < 60
    assert count_clip_tokens("a photo") == 4
