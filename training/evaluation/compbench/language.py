"""The noun chunks, nouns and verbs of a prompt: by spaCy, as published, where it is installed, or else by NLTK."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

SPACY_MODEL = "en_core_web_sm"
_CHUNK_GRAMMAR = r"NP: {<DT|PRP\$|PDT>?<CD|JJ.*|VBN|VBG|NN.*|POS|RB>*<NN.*>}"
"""What spaCy calls a noun chunk, in tags: determiner, modifiers, noun; a chunk ends with its last noun."""

ParserName = Literal["auto", "spacy", "nltk"]


class Parser(ABC):
    """Finds in a prompt what the benchmark asks about."""

    name: str
    """Stands in the result: another parser gives other questions."""

    @abstractmethod
    def chunks(self, prompt: str) -> list[str]:
        """Its noun chunks, in order: `a red cup`, `the wooden table`."""

    @abstractmethod
    def nouns(self, prompt: str) -> list[str]:
        """Its nouns, in order, in lower case."""

    @abstractmethod
    def has_verb(self, prompt: str) -> bool:
        """Whether somebody does something in it, other than being somewhere."""


def make_parser(name: ParserName = "auto") -> Parser:
    """The parser called `name`; `auto` is spaCy where it and its model are installed, or else NLTK.

    Raises:
        ValueError: it is not installed, or its data is not there; says how to get it.
    """
    if name == "nltk":
        return NltkParser()
    try:
        return SpacyParser()
    except ValueError:
        if name == "spacy":
            raise
        return NltkParser()


class SpacyParser(Parser):
    """The published choice: spaCy's small English model.

    Raises:
        ValueError: it is not installed; says how to get it.
    """

    def __init__(self) -> None:
        try:
            import spacy

            self._parse: Any = lru_cache(maxsize=4096)(spacy.load(SPACY_MODEL))
        except (ImportError, OSError) as error:
            raise ValueError(
                f"spaCy with its model {SPACY_MODEL} is not installed ({error}): `pip install spacy` and "
                f"`python -m spacy download {SPACY_MODEL}`, or use --parser nltk"
            ) from error
        self.name = f"spacy {spacy.__version__} {SPACY_MODEL}"

    def chunks(self, prompt: str) -> list[str]:
        """Its noun chunks, in order."""
        return [chunk.text for chunk in self._parse(prompt).noun_chunks]

    def nouns(self, prompt: str) -> list[str]:
        """Its nouns, in order, in lower case."""
        return [token.text.lower() for token in self._parse(prompt) if token.pos_ == "NOUN"]

    def has_verb(self, prompt: str) -> bool:
        """Whether there is a verb other than to be."""
        return any(token.pos_ == "VERB" for token in self._parse(prompt))


class NltkParser(Parser):
    """Chunks by a grammar over NLTK's tags.

    Raises:
        ValueError: NLTK's data is not there; says how to get it.
    """

    def __init__(self) -> None:
        import nltk

        self._grammar = nltk.RegexpParser(_CHUNK_GRAMMAR)
        self.name = f"nltk {nltk.__version__}"
        self._tagged = lru_cache(maxsize=4096)(_tag)
        self._tagged("a cup")

    def chunks(self, prompt: str) -> list[str]:
        """Its noun chunks, in order."""
        tree = self._grammar.parse(list(self._tagged(prompt)))
        return [" ".join(word for word, _ in chunk) for chunk in tree.subtrees(lambda node: node.label() == "NP")]

    def nouns(self, prompt: str) -> list[str]:
        """Its nouns, in order, in lower case."""
        return [word.lower() for word, tag in self._tagged(prompt) if tag.startswith("NN")]

    def has_verb(self, prompt: str) -> bool:
        """Whether there is a verb other than to be."""
        being = {"is", "are", "was", "were", "be", "been", "being"}
        return any(tag.startswith("VB") and word.lower() not in being for word, tag in self._tagged(prompt))


def _tag(prompt: str) -> Sequence[tuple[str, str]]:
    import nltk

    try:
        return tuple(nltk.pos_tag(nltk.word_tokenize(prompt)))
    except LookupError as error:
        raise ValueError(
            "NLTK's data is not there: `python -m nltk.downloader punkt_tab averaged_perceptron_tagger_eng`, or set "
            "NLTK_DATA to a folder that holds it"
        ) from error
