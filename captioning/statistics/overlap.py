"""How much of a new caption was already in the alt-text that it replaces."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from captioning.statistics.lexicon import words_of


@dataclass(kw_only=True)
class AltTextOverlap:
    """Sums over pairs of a caption and an alt-text, of whole numbers, so that parts merge exactly in any order.

    Args:
        pairs: how many there are.
        words: of the captions, in lower case and without punctuation.
        shared: words of the captions that their alt-texts have too.
        words_squared: sum over the pairs, like the two that follow.
        shared_squared: sum.
        words_times_shared: sum.
    """

    pairs: int = 0
    words: int = 0
    shared: int = 0
    words_squared: int = 0
    shared_squared: int = 0
    words_times_shared: int = 0

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "AltTextOverlap":
        """The sums over pairs of a caption and the alt-text that it replaces."""
        overlap = cls()
        for caption, alt_text in pairs:
            words, known = words_of(caption), set(words_of(alt_text))
            overlap._count(len(words), sum(word in known for word in words))
        return overlap

    @classmethod
    def from_json(cls, value: Mapping[str, int]) -> "AltTextOverlap":
        """What `to_json` gave."""
        return cls(**value)

    def to_json(self) -> dict[str, int]:
        """Plain JSON."""
        return asdict(self)

    def merge(self, other: "AltTextOverlap") -> None:
        """Add the sums over other pairs."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def share(self) -> float | None:
        """Of all the captions' words, the share that their alt-texts have too; None where there are no words."""
        return self.shared / self.words if self.words else None

    @property
    def standard_error(self) -> float | None:
        """Of the share, the pairs taken as a sample (a ratio of two sums, by linearisation); None under two pairs."""
        if self.pairs < 2 or not self.words:
            return None
        # sum((shared - share * words)^2) * words^2, in whole numbers so that nothing cancels.
        residuals = (
            self.shared_squared * self.words**2
            - 2 * self.words_times_shared * self.shared * self.words
            + self.words_squared * self.shared**2
        )
        return math.sqrt(residuals * self.pairs / (self.pairs - 1)) / self.words**2

    def _count(self, words: int, shared: int) -> None:
        self.pairs += 1
        self.words += words
        self.shared += shared
        self.words_squared += words * words
        self.shared_squared += shared * shared
        self.words_times_shared += words * shared
