"""What is said about a set of captions: averages, their standard errors, and what the captions are made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from captioning.statistics.duplicates import Duplicates
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
        encoder_tokens: of the text encoder.
    """

    words: float | None
    nouns: float | None
    adjectives_adverbs: float | None
    prepositions: float | None
    clip_tokens: float | None
    encoder_tokens: float | None


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
        encoder_tokens: of the text encoder that was named, its special tokens included; None where none was.
        distinct_nouns: different nouns, in lower case, over all texts: a count and no average.
        distinct_nouns_relative_error: 0 where that count is exact; over a size limit it is an estimate, and this is
            its standard error as a share of it.
        standard_errors: of the averages, the texts taken as a sample.
        cut_by_clip: the share of texts with more tokens than CLIP's text encoder takes, 77.
        encoder_over_77: the share of texts with more tokens of the text encoder; None where none was named.
        encoder_over_128: the share that ELLA's 128 tokens of text would cut; None where none was named.
        vocabulary_growth: different words in samples of the texts, from small ones to the whole.
        noun_growth: different nouns in the same samples; empty where parts of speech were not counted.
        top_words: the most frequent `nouns`, `adjectives`, `colours`, `spatial_words` and `numbers`; the first two
            are empty where parts of speech were not counted.
        duplicates: what share of the texts repeats another.
        foreign: the share of texts that are mostly in another script than English's.
    """

    texts: int
    words: float
    nouns: float | None
    adjectives_adverbs: float | None
    prepositions: float | None
    clip_tokens: float
    encoder_tokens: float | None
    distinct_nouns: int | None
    distinct_nouns_relative_error: float | None
    standard_errors: StandardErrors
    cut_by_clip: float
    encoder_over_77: float | None
    encoder_over_128: float | None
    vocabulary_growth: tuple[VocabularyPoint, ...]
    noun_growth: tuple[VocabularyPoint, ...]
    top_words: Mapping[str, Ranking]
    duplicates: Duplicates
    foreign: float
