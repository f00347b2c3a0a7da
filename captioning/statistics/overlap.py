"""What a new caption has of the alt-text that it replaces: words that were there already, and names that are lost."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from captioning.part_of_speech import has_nltk_data
from captioning.statistics.lexicon import words_of
from captioning.statistics.names import is_lost, names_of, parts_of
from captioning.statistics.ratio import Ratio
from captioning.statistics.top_words import Ranking, TopWords

_BATCH = 1024


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """What captions have of the alt-texts that they replace.

    Args:
        pairs: of a caption and an alt-text.
        words_kept: share of the captions' words that their alt-texts have too; None where there are no words.
        words_kept_error: its standard error.
        names: in the alt-texts whose names could be looked for; None where parts of speech are not known.
        names_lost: how many of them the captions lack; None likewise.
        share_lost: the one as a share of the other; None where there are no names.
        share_lost_error: its standard error.
        titles: alt-texts with capitals throughout, in which no names can be told.
        lost: the names that were lost most often.
    """

    pairs: int
    words_kept: float | None
    words_kept_error: float | None
    names: int | None
    names_lost: int | None
    share_lost: float | None
    share_lost_error: float | None
    titles: int
    lost: Ranking


@dataclass(kw_only=True)
class AltTextOverlap:
    """Counts over pairs of a caption and the alt-text that it replaces: parts merge into exactly the whole.

    Args:
        words: a unit is a pair: the caption's words, and those of them that the alt-text has too.
        names: a unit is an alt-text whose names could be looked for: its names, and those that the caption lacks.
        titles: alt-texts in title case, whose capitals tell no names.
        lost_names: how often each name was lost.
    """

    words: Ratio = field(default_factory=Ratio)
    names: Ratio = field(default_factory=Ratio)
    titles: int = 0
    lost_names: TopWords = field(default_factory=TopWords)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "AltTextOverlap":
        """The counts over pairs of a caption and its alt-text; without names where NLTK's data is missing."""
        overlap, remaining, tagging = cls(), iter(pairs), has_nltk_data()
        while batch := list(islice(remaining, _BATCH)):
            overlap._count_words(batch)
            if tagging:
                overlap._count_names(batch)
        return overlap

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "AltTextOverlap":
        """What `to_json` gave."""
        return cls(
            words=Ratio.from_json(value["words"]),
            names=Ratio.from_json(value["names"]),
            titles=value["titles"],
            lost_names=TopWords.from_json(value["lost_names"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "words": self.words.to_json(),
            "names": self.names.to_json(),
            "titles": self.titles,
            "lost_names": self.lost_names.to_json(),
        }

    def merge(self, other: "AltTextOverlap") -> None:
        """Add the counts over other pairs."""
        self.words.merge(other.words)
        self.names.merge(other.names)
        self.titles += other.titles
        self.lost_names.merge(other.lost_names)

    def overlap(self) -> Overlap:
        """The shares; one pair whose names nobody looked for leaves those of the whole unknown."""
        tagged = self.names.units + self.titles == self.words.units
        return Overlap(
            pairs=self.words.units,
            words_kept=self.words.share,
            words_kept_error=self.words.standard_error,
            names=self.names.whole if tagged else None,
            names_lost=self.names.part if tagged else None,
            share_lost=self.names.share if tagged else None,
            share_lost_error=self.names.standard_error if tagged else None,
            titles=self.titles,
            lost=self.lost_names.ranking(),
        )

    def _count_words(self, pairs: Iterable[tuple[str, str]]) -> None:
        for caption, alt_text in pairs:
            words, known = words_of(caption), set(words_of(alt_text))
            self.words.add(len(words), sum(word in known for word in words))

    def _count_names(self, pairs: list[tuple[str, str]]) -> None:
        lost_names = Counter[str]()
        for (caption, _), names in zip(pairs, names_of([alt_text for _, alt_text in pairs]), strict=True):
            if names is None:
                self.titles += 1
                continue
            parts = parts_of(caption)
            lost = [name for name in names if is_lost(name, parts)]
            self.names.add(len(names), len(lost))
            lost_names.update(lost)
        self.lost_names.update(lost_names)
