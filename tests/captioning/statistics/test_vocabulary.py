"""Growth curves over nested samples of the texts."""

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from captioning.statistics.vocabulary import Vocabulary, VocabularyPoint, level_of

TEXTS = st.lists(st.lists(st.sampled_from(["a", "b", "cat", "dog"]), max_size=4).map(" ".join), max_size=8)


def of(texts: list[str]) -> Vocabulary:
    vocabulary = Vocabulary()
    vocabulary.update(texts, [text.split() for text in texts])
    return vocabulary


@settings(max_examples=100)
@given(TEXTS, TEXTS)
def test_parts_merge_into_the_whole(some: list[str], others: list[str]) -> None:
    merged = Vocabulary.from_json(json.loads(json.dumps(of(some).to_json())))
    merged.merge(of(others))
    assert merged == of(others + some)


def test_each_point_counts_the_texts_of_its_level_and_above() -> None:
    numbers = random.Random(0)
    texts = [" ".join(f"word{numbers.randrange(200)}" for _ in range(5)) for _ in range(400)]
    growth = of(texts).growth()
    for point, level in zip(growth, sorted({level_of(text) for text in texts}, reverse=True), strict=True):
        sample = [text for text in texts if level_of(text) >= level]
        words = " ".join(sample).split()
        expected = VocabularyPoint(texts=len(sample), words=len(words), distinct=len(set(words)), relative_error=0.0)
        assert point == expected
    assert growth[-1].texts == 400
    assert 150 <= growth[-2].texts <= 250, "half the texts reach the next level"


def test_no_texts_do_not_grow() -> None:
    assert of([]).growth() == ()
