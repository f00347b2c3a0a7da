"""Tokens one by one against NLTK's own, over texts that take every one of its substitutions."""

import string
from functools import cache
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.tokenize import NLTKWordTokenizer, word_tokenize

from benchmarks.varied_texts import PLAIN_WORDS, varied_texts
from captioning import words
from captioning.part_of_speech import has_nltk_data, nltk_data_advice
from captioning.words import WordTokenizer

pytestmark = pytest.mark.skipif(not has_nltk_data(), reason=nltk_data_advice())

tokenizer = cache(WordTokenizer)
PIECES = [
    "cannot",
    "gimme",
    "'tis",
    "n't",
    "'s",
    "'",
    '"',
    "''",
    "``",
    "`",
    "--",
    "...",
    "..",
    ".",
    ",,",
    ", ",
    ":",
    "; ",
]
PIECES += [
    "wanna ",
    "d'ye",
    "(",
    "]",
    "<",
    "é",
    "”",
    "—",
    "1,2",
    " ",
    "\n",
    "\t",
    "a",
    "Mr. ",
    "u.s. ",
    "? ",
    "!",
    "*",
    "&",
]


def test_varied_texts_are_split_as_nltk_splits_them() -> None:
    texts = list(islice(varied_texts(PLAIN_WORDS.split(), seed=2), 400))
    for text in texts:
        assert tokenizer().tokenize(text) == word_tokenize(text.lower())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(string.printable, max_size=4), max_size=8).map("".join))
def test_any_mix_of_marks_is_split_as_nltk_splits_it(text: str) -> None:
    assert tokenizer().tokenize(text) == word_tokenize(text.lower())


def test_tokens_are_those_counted_by_hand() -> None:
    found = tokenizer().tokenize("The man's \"old\" dog can't sit, e.g. here. It CANNOT.")
    expected = "the man 's `` old '' dog ca n't sit , e.g . here . it can not ."
    assert found == word_tokenize("the man's \"old\" dog can't sit, e.g. here. it cannot.")
    assert found == expected.split()


def test_every_substitution_of_nltk_is_known() -> None:
    """One that is not would be run always, which is right and slow."""
    nltk = NLTKWordTokenizer
    pairs = [*nltk.STARTING_QUOTES, *nltk.PUNCTUATION, nltk.PARENS_BRACKETS, nltk.DOUBLE_DASHES, *nltk.ENDING_QUOTES]
    assert {pattern.pattern for pattern, _ in pairs} == set(words._NEEDS)
