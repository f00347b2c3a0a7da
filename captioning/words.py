"""NLTK's `word_tokenize`, token for token, several times faster.

NLTK splits sentences with Punkt and then runs some 30 substitutions over each. Most wait for a character that most
sentences lack, so a sentence in ASCII takes only those whose character it has. Any other goes NLTK's own way.
"""

from functools import cache, lru_cache
from typing import Any

_BREAKS = 1 << 16
"""How many contexts of a full stop are remembered, with Punkt's answer whether a sentence ends there."""

_NEEDS: dict[str, str] = {
    "([«“‘„]|[`]+)": "`",
    r"(``)": "`",
    r"([ \(\[{<])(\"|\'{2})": "\"'",
    r"(?i)(?<!\w)(\')(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)": "'",
    r"^\"": '"',
    r'([^\.])(\.)([\]\)}>"\'»”’ ]*+)\s*$': ".",
    r"([:,])([^\d])": ":,",
    r"([:,])$": ":,",
    r"\.{2,}": ".",
    r"[;@#$%&]": ";@#$%&",
    r"[\u2012-\u2015]": "",
    r'([^\.])(\.)([\]\)}>"\']*)\s*$': ".",
    r"[?!]": "?!",
    r"([^'])' ": "'",
    r"[*]": "*",
    r"[\]\[\(\)\{\}\<\>]": "[](){}<>",
    r"--": "-",
    "([»”’])": "",
    r"''": "'",
    r"\s+": "'",
    r'"': '"',
    r"([^' ])('[sS]|'[mM]|'[dD]|') ": "'",
    r"([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ": "'",
}
"""Of each substitution by its pattern, the ASCII characters it waits for, one of them at least. One that a later NLTK
adds or changes is not in here, and always runs."""

_CONTRACTIONS = ("cannot", "gimme", "gonna", "gotta", "lemme", "wanna", "'")
"""Every contraction that NLTK splits contains one of these."""


class WordTokenizer:
    """`nltk.word_tokenize`, of a text in lower case or as it is.

    Raises:
        LookupError, PermissionError: NLTK's Punkt data is missing or refused.
    """

    def __init__(self) -> None:
        from nltk.tokenize import NLTKWordTokenizer, PunktTokenizer

        self._punkt = PunktTokenizer()
        # The answer depends on the few words around the full stop alone, and captions repeat them.
        self._punkt.text_contains_sentbreak = lru_cache(_BREAKS)(self._punkt.text_contains_sentbreak)
        self._nltk = NLTKWordTokenizer()

    def tokenize(self, text: str, *, cased: bool = False) -> list[str]:
        """The tokens of `text`, in lower case unless `cased`."""
        tokens: list[str] = []
        for sentence in self._punkt.tokenize(text if cased else text.lower()):
            tokens += self._tokens(sentence)
        return tokens

    def _tokens(self, sentence: str) -> list[str]:
        if not sentence.isascii():
            tokens: list[str] = self._nltk.tokenize(sentence)
            return tokens
        before, after = _substitutions("".join(sorted(set(sentence).intersection(_special_characters()))))
        for pattern, replacement in before:
            sentence = pattern.sub(replacement, sentence)
        sentence = f" {sentence} "  # as NLTK does, so that a pattern can wait for a space
        for pattern, replacement in after:
            sentence = pattern.sub(replacement, sentence)
        lowered = sentence.lower()
        if any(form in lowered for form in _CONTRACTIONS):
            for pattern in self._nltk.CONTRACTIONS2 + self._nltk.CONTRACTIONS3:
                sentence = pattern.sub(r" \1 \2 ", sentence)
        return sentence.split()


@cache
def _special_characters() -> frozenset[str]:
    return frozenset("".join(_NEEDS.values()))


@lru_cache(4096)
def _substitutions(present: str) -> tuple[list[tuple[Any, str]], list[tuple[Any, str]]]:
    """The substitutions that a sentence takes, before and after NLTK pads it with spaces.

    Args:
        present: those of the special characters that the sentence has.
    """
    from nltk.tokenize import NLTKWordTokenizer as Nltk

    characters = set(present)
    if characters & set("\"`'"):
        characters |= set("\"`'")  # substitutions turn one kind of quotation mark into another
    before = [*Nltk.STARTING_QUOTES, *Nltk.PUNCTUATION, Nltk.PARENS_BRACKETS, Nltk.DOUBLE_DASHES]
    needed = [[pair for pair in pairs if _may_match(pair, characters)] for pairs in (before, Nltk.ENDING_QUOTES)]
    return needed[0], needed[1]


def _may_match(pair: tuple[Any, str], characters: set[str]) -> bool:
    needs = _NEEDS.get(pair[0].pattern)
    return needs is None or not characters.isdisjoint(needs)
