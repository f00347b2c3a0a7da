"""Mixtures of captions: by weight, by sample, and the same every time."""

from collections import Counter

import pytest

from training.captions import CAPTION, CaptionMixture
from training.errors import SettingsError

TEXTS = {CAPTION: "long", "alt_text": "alt", "prompt": "prompt"}
IDS = [f"{number:016x}" for number in range(2000)]


def test_the_merged_caption_is_what_is_read_without_a_mixture() -> None:
    mixture = CaptionMixture()
    assert {mixture.choose(name, TEXTS) for name in IDS[:50]} == {"long"}
    assert not mixture.needs_json


def test_captions_are_drawn_by_weight_and_always_alike() -> None:
    mixture = CaptionMixture(weights={CAPTION: 2, "alt_text": 1, "prompt": 1})
    drawn = [mixture.choose(name, TEXTS) for name in IDS]
    counts = Counter(drawn)
    assert 900 < counts["long"] < 1100
    assert 420 < counts["alt"] < 580
    assert drawn == [mixture.choose(name, TEXTS) for name in IDS]
    assert mixture.needs_json


def test_what_a_sample_lacks_is_shared_among_what_it_has() -> None:
    mixture = CaptionMixture(weights={"alt_text": 1, "prompt": 3})
    assert mixture.choose("a", {CAPTION: "long", "alt_text": "alt", "prompt": None}) == "alt"
    assert mixture.choose("a", {CAPTION: "long", "alt_text": "", "prompt": 5}) == "long"
    assert CaptionMixture(weights={CAPTION: 0, "alt_text": 1}).choose("a", TEXTS) == "alt"


def test_a_weight_of_nothing_needs_no_json() -> None:
    assert not CaptionMixture(weights={CAPTION: 1, "alt_text": 0}).needs_json


@pytest.mark.parametrize(
    "weights", [{}, *({CAPTION: weight, "alt_text": 0} for weight in (0, -1, float("nan"), float("inf")))]
)
def test_impossible_weights_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="expected weights of 0 or more"):
        CaptionMixture(weights=weights)
