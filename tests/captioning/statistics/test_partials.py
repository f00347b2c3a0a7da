"""Averages against counts taken by hand, and parts that merge into the whole in any order."""

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captioning.part_of_speech import has_nltk_data, nltk_data_advice
from captioning.statistics import (
    CaptionPartials,
    caption_statistics,
    distinct,
    duplicates,
    partials,
    repeated,
    top_words,
)
from captioning.statistics.histogram import Histogram
from captioning.statistics.summary import StandardErrors
from tests.captioning.tiny_tokenizer import save_tokenizer

TEXTS = ["A red truck.", "The old man waits quietly in the garden near a red Truck"]
"""By hand: 3 + 12 words; nouns: truck, and man, garden, truck; adjectives and adverbs: red, and old, quietly, red;
prepositions: in, near; CLIP tokens: a red truck . and the 12 words, and start and end of both."""

needs_nltk_data = pytest.mark.skipif(not has_nltk_data(), reason=nltk_data_advice())


@pytest.fixture
def without_nltk_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partials, "has_nltk_data", lambda: False)


@needs_nltk_data
def test_averages_are_those_counted_by_hand() -> None:
    found = caption_statistics(TEXTS)
    assert (found.texts, found.words, found.clip_tokens) == (2, 7.5, 10.0)
    assert (found.nouns, found.adjectives_adverbs, found.prepositions) == (2.0, 2.0, 1.0)
    assert (found.distinct_nouns, found.distinct_nouns_relative_error) == (3, 0.0)
    # Of two numbers half their distance is the standard error.
    assert found.standard_errors == StandardErrors(
        words=4.5, nouns=1.0, adjectives_adverbs=1.0, prepositions=1.0, clip_tokens=4.0, encoder_tokens=None
    )
    assert found.top_words["nouns"].words == (("truck", 2), ("garden", 1), ("man", 1))
    assert found.top_words["adjectives"].words == (("red", 2), ("old", 1))


@pytest.mark.usefixtures("without_nltk_data")
def test_without_nltk_data_parts_of_speech_are_unknown_and_the_rest_is_counted() -> None:
    found = caption_statistics(TEXTS)
    assert (found.texts, found.words, found.clip_tokens) == (2, 7.5, 10.0)
    assert found.nouns is found.adjectives_adverbs is found.prepositions is found.distinct_nouns is None
    assert found.standard_errors.nouns is found.distinct_nouns_relative_error is None
    assert found.standard_errors.words == 4.5
    assert found.top_words["nouns"].words == ()
    assert found.top_words["colours"].words == (("red", 2),)
    assert found.top_words["spatial_words"].words == (("in", 1), ("near", 1))
    assert [point.distinct for point in found.vocabulary_growth][-1] == 11


@needs_nltk_data
def test_one_part_without_tags_leaves_the_whole_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    tagged = CaptionPartials.of(["a dog"])
    monkeypatch.setattr(partials, "has_nltk_data", lambda: False)
    tagged.merge(CaptionPartials.of(["two red cats run"]))
    found = tagged.statistics()
    assert (tagged.texts, tagged.tagged_texts) == (2, 1)
    assert (found.texts, found.words, found.clip_tokens) == (2, 3.0, 5.0)
    assert found.nouns is found.adjectives_adverbs is found.prepositions is found.distinct_nouns is None


def test_words_are_what_white_space_of_any_kind_separates() -> None:
    assert caption_statistics([" two\n\twords  "]).words == 2.0


def test_no_texts_average_to_nothing() -> None:
    found = caption_statistics([])
    assert (found.texts, found.words, found.clip_tokens, found.cut_by_clip) == (0, 0.0, 0.0, 0.0)
    assert (found.nouns, found.distinct_nouns, found.standard_errors.words) == (0.0, 0, None)


def test_the_share_cut_by_clip_is_of_texts_over_77_tokens() -> None:
    assert caption_statistics(["dog " * 75, "dog " * 76, "dog", "dog"]).cut_by_clip == 0.25


def test_a_text_encoders_tokens_are_counted_where_one_is_named(tmp_path: Path) -> None:
    encoder = save_tokenizer(tmp_path)
    found = caption_statistics(["a red dog", "dog " * 127, "dog " * 128, "dog"], text_encoder=encoder)
    assert found.encoder_tokens == (4 + 128 + 129 + 2) / 4
    assert (found.encoder_over_77, found.encoder_over_128) == (0.5, 0.25)
    assert found.standard_errors.encoder_tokens == Histogram([4, 128, 129, 2]).standard_error
    unnamed = caption_statistics(["a red dog"])
    assert unnamed.encoder_tokens is unnamed.encoder_over_77 is unnamed.encoder_over_128 is None


def test_parts_of_different_text_encoders_are_not_mixed(tmp_path: Path) -> None:
    one, other = (save_tokenizer(tmp_path / name) for name in ("one", "other"))
    whole = CaptionPartials.of(["a dog"], one)
    with pytest.raises(ValueError, match=r"other' cannot be counted together with those of '.*one'"):
        whole.merge(CaptionPartials.of(["a cat"], other))
    whole.merge(CaptionPartials.of(["a cat"]))
    assert whole.statistics().encoder_tokens is None, "of one text they are not known"
    whole.forget_encoder()
    whole.count_encoder_tokens(["a dog", "a cat"], other)
    assert whole.statistics().encoder_tokens == 3.0


def test_repeats_and_other_scripts_are_shares_of_the_texts() -> None:
    found = caption_statistics(["A red dog.", "a red dog", "一只猫", "a cat"])
    assert found.duplicates.exact == 0.25
    assert found.duplicates.most_frequent[0].text == "a red dog"
    assert found.foreign == 0.25
    assert caption_statistics([]).foreign == 0.0


@needs_nltk_data
def test_nouns_grow_like_words() -> None:
    growth = caption_statistics(TEXTS * 30 + [f"a dog{letter}" for letter in "abcdefgh"]).noun_growth
    assert (growth[-1].texts, growth[-1].distinct) == (68, 11)
    assert [point.texts for point in growth] == sorted(point.texts for point in growth)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text("ab .,'Ωé", max_size=12) | st.sampled_from(TEXTS), max_size=12),
    st.lists(st.integers(0, 12), max_size=4),
    st.randoms(use_true_random=False),
)
def test_any_split_merged_in_any_order_is_the_whole(texts: list[str], cuts: list[int], order: random.Random) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct, "LIMIT", 5)
        bounds = [0, *sorted(cuts), len(texts)]
        parts = [CaptionPartials.of(texts[start:stop]) for start, stop in pairwise(bounds)]
        order.shuffle(parts)
        while len(parts) > 1:
            other = parts.pop(order.randrange(len(parts)))
            parts[order.randrange(len(parts))].merge(CaptionPartials.from_json(json.loads(json.dumps(other.to_json()))))
        order.shuffle(texts)
        whole = CaptionPartials.of(texts)
        assert parts[0] == whole
        assert parts[0].to_json() == whole.to_json()
        assert parts[0].statistics() == whole.statistics()


def test_batches_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = CaptionPartials.of(TEXTS * 3)
    monkeypatch.setattr(partials, "_BATCH", 2)
    assert CaptionPartials.of(TEXTS * 3) == whole
    assert whole.words == Histogram([3, 12] * 3)


def test_equal_counts_are_equal_bytes_of_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct, "LIMIT", 50)
    monkeypatch.setattr(top_words, "KEPT", 20)
    monkeypatch.setattr(duplicates, "LIMIT", 20)
    monkeypatch.setattr(repeated, "KEPT", 20)
    texts = [f"the {letters} of {number} apples" for number, letters in enumerate(map("".join, _names()))]
    forward, backward = (json.dumps(CaptionPartials.of(order).to_json()) for order in (texts, texts[::-1]))
    assert forward == backward
    assert len(forward) < 10_000
    assert len(texts) > 1_000


def test_counts_of_another_version_are_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"version None, expected 3: remove the dataset's statistics/ folder"):
        CaptionPartials.from_json({"texts": 3, "words": 7, "distinct_nouns": []})


def _names() -> list[tuple[str, str, str]]:
    letters = "abcdefghijk"
    return [(one, two, three) for one in letters for two in letters for three in letters]
