"""The most frequent words: counted exactly in memory, cut to a bounded list on disk, and the cut is carried along."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

KEPT = 1_000
"""Words written for each part; what a part leaves out, it says."""

SHOWN = 50
"""Words in a ranking."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The most frequent words, and how sure their counts are.

    Args:
        words: words and counts, the most frequent first, equal counts by the alphabet.
        distinct: different words that were counted.
        total: occurrences of any word, those without a count of their own too.
        short_by: no word's count is short by more than this, because parts leave rare words out; 0: all are exact.
    """

    words: tuple[tuple[str, int], ...]
    distinct: int
    total: int
    short_by: int


@dataclass(kw_only=True)
class TopWords:
    """Counts of words.

    Args:
        counts: of each word.
        cut: occurrences of words that were left out when parts were written.
        short: no word's count is short by more than this, for the same reason.
    """

    counts: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    short: int = 0

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "TopWords":
        """What `to_json` gave."""
        return cls(counts=Counter(value["counts"]), cut=value["cut"], short=value["short"])

    def to_json(self) -> dict[str, Any]:
        """The `KEPT` most frequent words, and what that leaves out."""
        ranked = self._ranked()
        kept, left_out = ranked[:KEPT], ranked[KEPT:]
        return {
            "counts": dict(kept),
            "cut": self.cut + sum(count for _, count in left_out),
            "short": self.short + (left_out[0][1] if left_out else 0),
        }

    def update(self, words: Iterable[str] | Mapping[str, int]) -> None:
        """Count more words, or add their counts."""
        self.counts.update(words)

    def merge(self, other: "TopWords") -> None:
        """Add the counts of `other`, and what they are short of."""
        self.counts.update(other.counts)
        self.cut += other.cut
        self.short += other.short

    def ranking(self) -> Ranking:
        """The `SHOWN` most frequent words."""
        return Ranking(
            words=tuple(self._ranked()[:SHOWN]),
            distinct=len(self.counts),
            total=self.counts.total() + self.cut,
            short_by=self.short,
        )

    def _ranked(self) -> list[tuple[str, int]]:
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
