"""The laid-out tagger against NLTK's own class, with NLTK's weights and with weights made for the purpose."""

import random
from itertools import islice
from typing import Any

import pytest
from nltk.tag.perceptron import PerceptronTagger

from benchmarks.varied_texts import PLAIN_WORDS, varied_texts
from captioning import perceptron
from captioning.part_of_speech import has_nltk_data, nltk_data_advice
from captioning.perceptron import ArrayTagger

WORDS = ["dog", "dogs", "well-known", "-x", "1999", "7th", "Dog", "é", "a", "the"]
TAGS = ["DT", "JJ", "NN", "NNS", "VB"]


def random_tagger(seed: int, weights: list[float], features: int = 120) -> PerceptronTagger:
    """NLTK's tagger with random weights over features that short texts of `WORDS` have."""
    numbers = random.Random(seed)
    source = PerceptronTagger(load=False)
    names: set[str] = set()
    while len(names) < features:
        words = numbers.choices(WORDS, k=3)
        context = [*PerceptronTagger.START, *map(source.normalize, words), *PerceptronTagger.END]
        before, second = numbers.choices([*TAGS, *PerceptronTagger.START], k=2)
        names |= source._get_features(numbers.randrange(3), numbers.choice(words), context, before, second).keys()
    model = {name: {tag: numbers.choice(weights) for tag in numbers.sample(TAGS, 3)} for name in sorted(names)}
    return PerceptronTagger.decode_json_obj((model, {"the": "DT"}, TAGS))


def tags_of(tagger: Any, texts: list[list[str]]) -> list[list[str]]:
    return [[tag for _, tag in tagger.tag(text)] for text in texts]


def random_texts(seed: int) -> list[list[str]]:
    numbers = random.Random(seed)
    return [numbers.choices(WORDS, k=numbers.randrange(6)) for _ in range(200)]


@pytest.mark.parametrize("seed", range(3))
def test_random_weights_give_nltks_tags(seed: int) -> None:
    tagger = random_tagger(seed, weights=[-2.5, -1.0, -0.001, 0.001, 0.7, 3.0])
    texts = random_texts(seed)
    expected = tags_of(tagger, texts)
    assert ArrayTagger(tagger).tag(texts) == expected
    assert len({tag for text in expected for tag in text}) == len(TAGS)


def test_equal_sums_take_the_last_tag_and_sums_within_rounding_are_told_apart_as_nltk_does() -> None:
    # 0.1 + 0.2 > 0.3 in floats, though not in numbers: the order of adding decides.
    tagger = random_tagger(7, weights=[0.1, 0.2, 0.3, -0.1, -0.3])
    texts = random_texts(7)
    assert ArrayTagger(tagger).tag(texts) == tags_of(tagger, texts)
    untrained = PerceptronTagger.decode_json_obj(({}, {}, TAGS))
    assert ArrayTagger(untrained).tag([["dog"]]) == [["VB"]]


def test_forgetting_tokens_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perceptron, "_MAX_FORMS", 6)
    tagger = random_tagger(1, weights=[-1.0, 0.5, 2.0])
    arrays = ArrayTagger(tagger)
    for text in random_texts(1)[:20]:
        assert arrays.tag([text]) == tags_of(tagger, [text])
        assert len(arrays._forms) <= 6


def test_many_tokens_are_remembered() -> None:
    tagger = random_tagger(2, weights=[-1.0, 0.5, 2.0])
    texts = [[f"word{number}", WORDS[number % 10]] for number in range(3_000)]
    assert ArrayTagger(tagger).tag(texts) == tags_of(tagger, texts)


def test_a_model_with_other_features_is_refused() -> None:
    tagger = PerceptronTagger.decode_json_obj(({"i+3 word dog": {"NN": 1.0}}, {}, TAGS))
    with pytest.raises(ValueError, match=r"has the feature 'i\+3 word dog'"):
        ArrayTagger(tagger)


@pytest.mark.skipif(not has_nltk_data(), reason=nltk_data_advice())
def test_nltks_weights_give_nltks_tags() -> None:
    tagger = PerceptronTagger()
    texts = [text.split() for text in islice(varied_texts(PLAIN_WORDS.split(), seed=3), 300)]
    assert ArrayTagger(tagger).tag(texts) == tags_of(tagger, texts)
