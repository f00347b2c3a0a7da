"""How long captions are and what words they are made of: the averages of the ELLA paper's tables 1 and 2.

The protocol that gives the paper's numbers: words are what white space separates; parts of speech are NLTK's, of the
text in lower case; tokens are those of CLIP's tokenizer, start and end included, however long the text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from captioning.part_of_speech import has_nltk_data, tags

_NOUNS = frozenset({"NN", "NNS", "NNP", "NNPS"})
_ADJECTIVES_ADVERBS = frozenset({"JJ", "JJR", "JJS", "RB", "RBR", "RBS"})
_PREPOSITIONS = frozenset({"IN"})
_START_AND_END = 2
_MEMO_WORDS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class CaptionStatistics:
    """Averages a text; 0 where there are no texts, None where parts of speech were not counted.

    Args:
        texts: how many texts there are.
        words: separated by white space.
        nouns: NN, NNS, NNP, NNPS.
        adjectives_adverbs: JJ, JJR, JJS, RB, RBR, RBS.
        prepositions: IN, which subordinating conjunctions are too.
        clip_tokens: with start and end.
        distinct_nouns: different nouns, in lower case, over all texts: a count and no average.
    """

    texts: int
    words: float
    nouns: float | None
    adjectives_adverbs: float | None
    prepositions: float | None
    clip_tokens: float
    distinct_nouns: int | None


@dataclass(kw_only=True)
class CaptionPartials:
    """What `CaptionStatistics` averages, summed over some of the texts; the sums of parts merge into the whole's.

    Args:
        texts: how many texts there are.
        tagged_texts: how many of them had their parts of speech counted.
        words: sum over the texts, like the four that follow.
        nouns: sum.
        adjectives_adverbs: sum.
        prepositions: sum.
        clip_tokens: sum.
        distinct_nouns: the nouns themselves.
    """

    texts: int = 0
    tagged_texts: int = 0
    words: int = 0
    nouns: int = 0
    adjectives_adverbs: int = 0
    prepositions: int = 0
    clip_tokens: int = 0
    distinct_nouns: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, texts: Iterable[str]) -> "CaptionPartials":
        """The sums over `texts`; without parts of speech where NLTK's data is missing."""
        partials, tagging = cls(), has_nltk_data()
        for text in texts:
            partials.texts += 1
            partials.words += len(text.split())
            partials.clip_tokens += count_clip_tokens(text)
            if tagging:
                partials._count_parts_of_speech(text)
        return partials

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "CaptionPartials":
        """What `to_json` gave."""
        return cls(**{**value, "distinct_nouns": set(value["distinct_nouns"])})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, the nouns in order: equal sums, equal bytes."""
        return {**asdict(self), "distinct_nouns": sorted(self.distinct_nouns)}

    def merge(self, other: "CaptionPartials") -> None:
        """Add the sums of other texts to these."""
        self.texts += other.texts
        self.tagged_texts += other.tagged_texts
        self.words += other.words
        self.nouns += other.nouns
        self.adjectives_adverbs += other.adjectives_adverbs
        self.prepositions += other.prepositions
        self.clip_tokens += other.clip_tokens
        self.distinct_nouns |= other.distinct_nouns

    def statistics(self) -> CaptionStatistics:
        """The averages; one text without parts of speech leaves those of the whole unknown."""
        tagged = self.tagged_texts == self.texts
        return CaptionStatistics(
            texts=self.texts,
            words=self._average(self.words),
            nouns=self._average(self.nouns) if tagged else None,
            adjectives_adverbs=self._average(self.adjectives_adverbs) if tagged else None,
            prepositions=self._average(self.prepositions) if tagged else None,
            clip_tokens=self._average(self.clip_tokens),
            distinct_nouns=len(self.distinct_nouns) if tagged else None,
        )

    def _count_parts_of_speech(self, text: str) -> None:
        self.tagged_texts += 1
        for token, tag in tags(text):
            self.nouns += tag in _NOUNS
            self.adjectives_adverbs += tag in _ADJECTIVES_ADVERBS
            self.prepositions += tag in _PREPOSITIONS
            if tag in _NOUNS:
                self.distinct_nouns.add(token)

    def _average(self, total: int) -> float:
        return total / self.texts if self.texts else 0.0


def caption_statistics(texts: Iterable[str]) -> CaptionStatistics:
    """The statistics of `texts`, which is read once.

    Where NLTK's data is missing, the counts of parts of speech are None: see `captioning.part_of_speech`.
    """
    return CaptionPartials.of(texts).statistics()


def count_clip_tokens(text: str) -> int:
    """Tokens of CLIP's tokenizer, start and end included, not cut at the 77 that CLIP itself takes."""
    tokenizer = _clip_tokenizer()
    if len(tokenizer.cache) > _MEMO_WORDS:  # it remembers every word it ever saw
        _clip_tokenizer.cache_clear()
    return len(tokenizer.encode(text)) + _START_AND_END


@cache
def _clip_tokenizer() -> Any:
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer()
