"""What is said about a set of captions: averages, their standard errors, and what the captions are made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from captioning.statistics.top_words import Ranking
from captioning.statistics.vocabulary import VocabularyPoint


@dataclass(frozen=True, kw_only=True)
class StandardErrors:
    """Standard errors of the averages of the same names; None where they are not known.

    Args:
        words: separated by white space.
        nouns: NN, NNS, NNP, NNPS.
        adjectives_adverbs: JJ, JJR, JJS, RB, RBR, RBS.
        prepositions: IN.
        clip_tokens: with start and end.
    """

    words: float | None
    nouns: float | None
    adjectives_adverbs: float | None
    prepositions: float | None
    clip_tokens: float | None


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
        distinct_nouns_relative_error: 0 where that count is exact; over a size limit it is an estimate, and this is
            its standard error as a share of it.
        standard_errors: of the averages, the texts taken as a sample.
        cut_by_clip: the share of texts with more tokens than CLIP's text encoder takes, 77.
        vocabulary_growth: different words in samples of the texts, from small ones to the whole.
        top_words: the most frequent `nouns`, `adjectives`, `colours`, `spatial_words` and `numbers`; the first two
            are empty where parts of speech were not counted.
    """

    texts: int
    words: float
    nouns: float | None
    adjectives_adverbs: float | None
    prepositions: float | None
    clip_tokens: float
    distinct_nouns: int | None
    distinct_nouns_relative_error: float | None
    standard_errors: StandardErrors
    cut_by_clip: float
    vocabulary_growth: tuple[VocabularyPoint, ...]
    top_words: Mapping[str, Ranking]
