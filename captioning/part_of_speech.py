"""NLTK's part-of-speech tags of a text, by the protocol that gives the numbers of the ELLA paper's tables 1 and 2."""

from collections.abc import Sequence
from functools import cache

from captioning.perceptron import ArrayTagger
from captioning.words import WordTokenizer

PACKAGES = ("averaged_perceptron_tagger_eng", "punkt_tab")
"""Of NLTK's data, what is needed here."""
_TOKENS_TO_COMPILE_FOR = 20_000
"""NLTK itself tags about this many in the time that loading the compiled tagger takes; a small run never does."""


class Tagger:
    """The tags that `nltk.pos_tag(nltk.word_tokenize(text.lower()))` gives, every one, sooner.

    Args:
        compile_after: tokens that NLTK itself tags before the compiled tagger is loaded.

    Raises:
        LookupError, PermissionError: NLTK's data is missing or refused; see `has_nltk_data`.
    """

    def __init__(self, compile_after: int = _TOKENS_TO_COMPILE_FOR) -> None:
        from nltk.tag.perceptron import PerceptronTagger

        self._nltk = PerceptronTagger()
        self._words = WordTokenizer()
        self._arrays: ArrayTagger | None = None
        self._tokens_before_arrays = compile_after

    def tag(self, texts: Sequence[str], *, cased: bool = False) -> list[list[tuple[str, str]]]:
        """For each text, its tokens in lower case, or as they are where `cased`, each with its Penn Treebank tag."""
        # Lower-cased before tagging, or else capitalised words pass for proper nouns.
        tokens = [self._words.tokenize(text, cased=cased) for text in texts]
        self._tokens_before_arrays -= sum(map(len, tokens))
        if self._tokens_before_arrays >= 0:
            return [self._nltk.tag(of_text) for of_text in tokens]
        if self._arrays is None:
            self._arrays = ArrayTagger(self._nltk)
        tags = self._arrays.tag(tokens)
        return [list(zip(of_text, its_tags, strict=True)) for of_text, its_tags in zip(tokens, tags, strict=True)]


def tags(text: str) -> list[tuple[str, str]]:
    """Each token of `text`, in lower case, with its Penn Treebank tag.

    Raises:
        LookupError, PermissionError: NLTK's data is missing or refused; see `has_nltk_data`.
    """
    return tag_texts([text])[0]


def tag_texts(texts: Sequence[str], *, cased: bool = False) -> list[list[tuple[str, str]]]:
    """`tags` of each text, or those of the text as it is where `cased`; many at once take the least time.

    Raises:
        LookupError, PermissionError: NLTK's data is missing or refused; see `has_nltk_data`.
    """
    return _tagger().tag(texts, cased=cased)


def has_nltk_data() -> bool:
    """Whether NLTK finds its tagger and its sentence splitter, and trusts them."""
    try:
        _tagger()
    except (LookupError, PermissionError):  # NLTK refuses data that other users could have written
        return False
    return True


def nltk_data_advice() -> str:
    """One line for a person whose NLTK has no data: what is missing and how to get it."""
    return (
        "NLTK's data is missing, so parts of speech are not counted: "
        f"run `python -m nltk.downloader {' '.join(PACKAGES)}`, or set NLTK_DATA to a folder that holds them"
    )


@cache
def _tagger() -> Tagger:
    """Kept: its weights take a while to read."""
    return Tagger()
