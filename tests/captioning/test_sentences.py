"""Sentence ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioning.sentences import is_whole, one_line, sentences, whole_sentences


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A cat. A dog! Is it? Yes", ["A cat.", "A dog!", "Is it?", "Yes"]),
        (
            "Dr. Smith meets J. R. Ewing at St. Paul's. They talk.",
            ["Dr. Smith meets J. R. Ewing at St. Paul's.", "They talk."],
        ),
        ("Cars of the U.S. Army, e.g. Jeeps. One is green.", ["Cars of the U.S. Army, e.g. Jeeps.", "One is green."]),
        ('It says "Stop!" A man stops.', ['It says "Stop!"', "A man stops."]),
        ('A man (an actor.) "Hello," he says.', ["A man (an actor.)", '"Hello," he says.']),
        ("It is 3.5 m long. www.example.com is on it.", ["It is 3.5 m long. www.example.com is on it."]),
        ("Three dots... and more. 5 cats.", ["Three dots... and more.", "5 cats."]),
        ("", []),
    ],
)
def test_a_sentence_ends_at_its_mark_and_not_at_an_abbreviation(text: str, found: list[str]) -> None:
    assert sentences(text) == found


@given(st.lists(st.sampled_from(["A", "cat.", "Dr.", '"B!"', "(c.)", "9.", "?", "...", "U.S."]), max_size=20))
def test_sentences_joined_are_the_text(words: list[str]) -> None:
    assert " ".join(sentences(" ".join(words))) == " ".join(words)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("A cat. A d", "A cat."),
        ("A cat. A dog.", "A cat. A dog."),
        ("A cat. He is Mr.", "A cat."),
        ('A cat. "A dog!"', 'A cat. "A dog!"'),
        ("A cat and", ""),
        ("", ""),
    ],
)
def test_whole_sentences_are_those_that_end(text: str, whole: str) -> None:
    assert whole_sentences(text) == whole
    assert is_whole(text) == (text == whole and text != "")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A  cat\n\non a\u00a0mat. ", "A cat on a mat."),
        ("A cat.", "A cat."),
        (" \n\t", None),
        ("", None),
        (None, None),
    ],
)
def test_captions_are_put_on_one_line(text: str | None, line: str | None) -> None:
    assert one_line(text) == line
