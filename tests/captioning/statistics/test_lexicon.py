from collections import Counter

import pytest

from captioning.statistics.lexicon import by_topic, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A Red, well-known TRUCK.", ["a", "red", "well-known", "truck"]),
        ("the dog's 3.5 m -- (2 of them)", ["the", "dog's", "3.5", "m", "2", "of", "them"]),
        ("Café_bar \u201cÅngström\u201d's 北京", ["café", "bar", "ångström", "s", "北京"]),
        ("...!", []),
    ],
)
def test_words_are_runs_of_letters_and_numbers(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_topics_keep_the_counts_of_their_words() -> None:
    found = by_topic(Counter(["red", "red", "two", "behind", "3.5", "dog", "Red"]))
    assert found == {"colours": {"red": 2}, "spatial_words": {"behind": 1}, "numbers": {"two": 1, "3.5": 1}}
