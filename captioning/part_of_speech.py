"""NLTK's part-of-speech tags of a text, by the protocol that gives the numbers of the ELLA paper's tables 1 and 2."""

from functools import cache
from typing import Any

_PACKAGES = ("averaged_perceptron_tagger_eng", "punkt_tab")


def tags(text: str) -> list[tuple[str, str]]:
    """Each token of `text`, in lower case, with its Penn Treebank tag.

    Raises:
        LookupError, PermissionError: NLTK's data is missing or refused; see `has_nltk_data`.
    """
    from nltk.tokenize import word_tokenize

    # Lower-cased before tagging, or else capitalised words pass for proper nouns.
    tagged: list[tuple[str, str]] = _tagger().tag(word_tokenize(text.lower()))
    return tagged


def has_nltk_data() -> bool:
    """Whether NLTK finds its tagger and its sentence splitter, and trusts them."""
    try:
        tags("a")
    except (LookupError, PermissionError):  # NLTK refuses data that other users could have written
        return False
    return True


def nltk_data_advice() -> str:
    """One line for a person whose NLTK has no data: what is missing and how to get it."""
    return (
        "NLTK's data is missing, so parts of speech are not counted: "
        f"run `python -m nltk.downloader {' '.join(_PACKAGES)}`, or set NLTK_DATA to a folder that holds them"
    )


@cache
def _tagger() -> Any:
    """What `nltk.pos_tag` uses, kept: it would read its weights anew for each text."""
    from nltk.tag.perceptron import PerceptronTagger

    return PerceptronTagger()
