"""The captions that occur most often, counted in bounded memory; no count is short by more than it says.

Lossy counting (Manku and Motwani, "Approximate frequency counts over data streams", 2002): where there are too many
different texts, the rarest are forgotten, and how often these had occurred at most is carried along.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from captioning.statistics.distinct import stable_hash

HELD = 16_384
"""Different texts that are counted at a time; up to twice as many for a moment."""
KEPT = 256
"""Texts written for each part."""
SHOWN = 10
"""Texts in a ranking."""
LONGEST = 400
"""Characters of a text that are kept; a hash of the whole tells longer ones apart."""


@dataclass(frozen=True, kw_only=True)
class RepeatedText:
    """A text that occurs more than once.

    Args:
        text: in lower case and without punctuation.
        count: how often it was counted.
        short_by: it may occur more often, by this at most.
    """

    text: str
    count: int
    short_by: int


@dataclass(kw_only=True)
class RepeatedTexts:
    """Counts of whole texts.

    Args:
        counts: of each text that is held.
        short: no count is short by more than this.
    """

    counts: Counter[str] = field(default_factory=Counter)
    short: int = 0

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "RepeatedTexts":
        """What `to_json` gave."""
        return cls(counts=Counter(value["counts"]), short=value["short"])

    def to_json(self) -> dict[str, Any]:
        """The `KEPT` most frequent texts, and what that leaves out."""
        cut = RepeatedTexts(counts=self.counts.copy(), short=self.short)
        cut._forget(over=KEPT, held=KEPT)
        return {"counts": dict(cut._ranked()), "short": cut.short}

    def update(self, texts: Iterable[str]) -> None:
        """Count more texts, which are in normal form."""
        self.counts.update(map(_shortened, texts))
        self._forget(over=2 * HELD, held=HELD)

    def merge(self, other: "RepeatedTexts") -> None:
        """Add the counts of `other`, and what they are short of."""
        self.counts.update(other.counts)
        self.short += other.short
        self._forget(over=2 * HELD, held=HELD)

    def ranking(self) -> tuple[RepeatedText, ...]:
        """The texts that occur most often, of those that occur more than once."""
        ranked = [(text, count) for text, count in self._ranked() if count > 1][:SHOWN]
        return tuple(RepeatedText(text=text, count=count, short_by=self.short) for text, count in ranked)

    def frequent(self, count: int) -> dict[int, int]:
        """The texts that were counted more often than `count`, each as a hash of the whole text."""
        return {_hash(text): found for text, found in self.counts.items() if found > count}

    def _forget(self, *, over: int, held: int) -> None:
        if len(self.counts) <= over:
            return
        # Equal counts by a hash, so that parts forget the same ones and a text that they all have stays in all.
        ranked = sorted(self.counts.items(), key=lambda item: (-item[1], stable_hash(item[0])))
        self.counts = Counter(dict(ranked[:held]))
        self.short += ranked[held][1]

    def _ranked(self) -> list[tuple[str, int]]:
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… {stable_hash(text):016x}"


def _hash(shortened: str) -> int:
    return stable_hash(shortened) if len(shortened) <= LONGEST else int(shortened[-16:], 16)
