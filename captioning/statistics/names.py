"""The names in a text: proper nouns by NLTK's tags of the text as it is written, capitals and all.

The tagger of tables 1 and 2 sees lower case and knows few names. Capitals tell it more, but not everywhere: in "Red
Dress With White Flowers" they say nothing, and a text like that is not searched; the first word of a sentence always
has one, and is a name only before another; and colours, numbers and places in space are none: "Load Blue Square".
"""

import re
from collections.abc import Sequence

from captioning.part_of_speech import tag_texts
from captioning.statistics.lexicon import COLOURS, NUMBER_WORDS, SPATIAL_WORDS

_PROPER_NOUNS = frozenset({"NNP", "NNPS"})
_ORDINARY = COLOURS | SPATIAL_WORDS | NUMBER_WORDS
_PART = re.compile(r"[^\W_]+")
_ENDS = frozenset({".", "!", "?", "|", "-", "–", "—", ":"})
"""After these begins a sentence, or a heading."""
_MAIN_WORD = 4
"""Letters from which on title case capitalises a word of any kind."""
_ENOUGH = 3
"""Fewer words than this are no title, only names."""


def names_of(texts: Sequence[str]) -> list[list[str] | None]:
    """For each text the names in it, in order and in lower case; None where its capitals tell nothing.

    Raises:
        LookupError, PermissionError: NLTK's data is missing or refused; see `captioning.part_of_speech`.
    """
    readable = dict.fromkeys(text for text in texts if not is_title(text))
    capitalised = [text for text in readable if text != text.lower()]  # no other has names, and tagging takes time
    found = dict(zip(capitalised, map(_names, tag_texts(capitalised, cased=True)), strict=True))
    return [found.get(text, []) if text in readable else None for text in texts]


def parts_of(text: str) -> frozenset[str]:
    """What names are looked up in: the runs of letters and digits of `text`, in lower case."""
    return frozenset(_PART.findall(text.lower()))


def is_lost(name: str, parts: frozenset[str]) -> bool:
    """Whether a text with these parts says nothing of a name, or not all: `Coca-Cola` has two parts."""
    return not parts.issuperset(_PART.findall(name))


def is_title(text: str) -> bool:
    """Whether nearly all main words begin with a capital, nine in ten of three at least, or all is in capitals."""
    words = [word for word in _PART.findall(text) if len(word) >= _MAIN_WORD and word.isalpha()]
    if text.isupper():
        return len(text.split()) > 1
    return len(words) >= _ENOUGH and 10 * sum(word[0].isupper() for word in words) >= 9 * len(words)


def _names(tagged: Sequence[tuple[str, str]]) -> list[str]:
    tokens = [token.lower() for token, _ in tagged]
    proper = [tag in _PROPER_NOUNS and token[0].isupper() and token.lower() not in _ORDINARY for token, tag in tagged]
    firsts = [place == 0 or tokens[place - 1] in _ENDS for place in range(len(tokens))]
    followed = [*proper[1:], False]
    return [
        token
        for token, is_proper, is_first, is_followed in zip(tokens, proper, firsts, followed, strict=True)
        if is_proper and (is_followed or not is_first)
    ]
