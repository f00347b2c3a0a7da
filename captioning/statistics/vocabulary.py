"""How the vocabulary grows with the number of texts: counted over nested samples of the texts, in any order.

A text's hash gives it a level: half the texts reach level 1, a quarter level 2, and so on. The texts at a level or
above are a sample of the whole, the same however the texts are split, and each gives one point of the growth curve.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from captioning.statistics.distinct import DistinctWords, stable_hash

TOP_LEVEL = 24


@dataclass(frozen=True, kw_only=True)
class VocabularyPoint:
    """How many different words a sample of the texts has.

    Args:
        texts: in the sample.
        words: in the sample.
        distinct: different words among them, in lower case.
        relative_error: the standard error of `distinct` as a share of it; 0 where it is exact.
    """

    texts: int
    words: int
    distinct: int
    relative_error: float


@dataclass(kw_only=True)
class Vocabulary:
    """Different words, texts and words of every level.

    Args:
        distinct: the words, each with the highest level of a text that has it.
        texts: level to how many texts are at it, and no higher.
        words: level to how many words they have.
    """

    distinct: DistinctWords = field(default_factory=DistinctWords)
    texts: Counter[int] = field(default_factory=Counter)
    words: Counter[int] = field(default_factory=Counter)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Vocabulary":
        """What `to_json` gave."""
        return cls(
            distinct=DistinctWords.from_json(value["distinct"]),
            texts=Counter({int(level): count for level, count in value["texts"].items()}),
            words=Counter({int(level): count for level, count in value["words"].items()}),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON in a fixed order."""
        texts, words = ({str(level): count for level, count in sorted(c.items())} for c in (self.texts, self.words))
        return {"distinct": self.distinct.to_json(), "texts": texts, "words": words}

    def update(self, texts: Sequence[str], words: Sequence[list[str]]) -> None:
        """Add texts, each with its words."""
        by_level: defaultdict[int, set[str]] = defaultdict(set)
        for text, its_words in zip(texts, words, strict=True):
            level = level_of(text)
            self.texts[level] += 1
            self.words[level] += len(its_words)
            by_level[level].update(its_words)
        highest: dict[str, int] = {}
        for level, different in sorted(by_level.items()):
            highest.update(dict.fromkeys(different, level))
        self.distinct.update(highest)

    def merge(self, other: "Vocabulary") -> None:
        """Add the texts of `other`."""
        self.distinct.merge(other.distinct)
        self.texts.update(other.texts)
        self.words.update(other.words)

    def growth(self) -> tuple[VocabularyPoint, ...]:
        """From the smallest sample to the whole."""
        points = []
        for level in sorted(self.texts, reverse=True):
            texts, words = (sum(count for at, count in c.items() if at >= level) for c in (self.texts, self.words))
            distinct, error = self.distinct.count(level), self.distinct.relative_error(level)
            points.append(VocabularyPoint(texts=texts, words=words, distinct=distinct, relative_error=error))
        return tuple(points)


def level_of(text: str) -> int:
    """How often the sample of texts can be halved with `text` still in it: the leading zero bits of its hash."""
    return min(64 - stable_hash(text).bit_length(), TOP_LEVEL)
