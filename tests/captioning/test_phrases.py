"""The tables of phrases, each entry by itself."""

import re

import pytest

from captioning.phrases import BUT, FILLER, FILLER_CLAUSE, NEGATIONS, PREFIXES

ALL = [*PREFIXES, *FILLER, *NEGATIONS, FILLER_CLAUSE, BUT]


@pytest.mark.parametrize("pattern", ALL, ids=range(len(ALL)))
def test_no_pattern_matches_nothing_or_depends_on_case(pattern: re.Pattern[str]) -> None:
    assert not pattern.match("")
    assert pattern.flags & re.IGNORECASE


@pytest.mark.parametrize("table", [PREFIXES, FILLER, NEGATIONS], ids=["prefixes", "filler", "negations"])
def test_a_plain_sentence_is_in_no_table(table: tuple[re.Pattern[str], ...]) -> None:
    for sentence in ("A cat sits on a mat.", "The image", "There is a text on the wall.", "The man shows a picture."):
        assert not any(pattern.match(sentence) for pattern in table)


def test_a_sentence_about_what_is_there_after_all_says_but() -> None:
    assert BUT.search("The image does not show a dog but a wolf.")
    assert not BUT.search("The image does not show a button.")
