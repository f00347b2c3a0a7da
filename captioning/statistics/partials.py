"""What caption statistics are derived from, counted over some of the texts: parts merge into exactly the whole.

The protocol that gives the paper's numbers: words are what white space separates; parts of speech are NLTK's, of the
text in lower case; tokens are those of CLIP's tokenizer, start and end included, however long the text. Beside them
stand those of a text encoder, where one is named.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from captioning.clip_tokens import CONTEXT, count_clip_tokens
from captioning.encoder_tokens import ELLA_TOKENS, encoder_tokenizer
from captioning.part_of_speech import has_nltk_data, tag_texts
from captioning.statistics.duplicates import DuplicateSketch
from captioning.statistics.histogram import Histogram
from captioning.statistics.language import is_foreign
from captioning.statistics.lexicon import by_topic, words_of
from captioning.statistics.summary import CaptionStatistics, StandardErrors
from captioning.statistics.top_words import TopWords
from captioning.statistics.vocabulary import Vocabulary

VERSION = 3
"""Of the JSON form."""

_NOUNS = frozenset({"NN", "NNS", "NNP", "NNPS"})
_ADJECTIVES = frozenset({"JJ", "JJR", "JJS"})
_ADJECTIVES_ADVERBS = _ADJECTIVES | {"RB", "RBR", "RBS"}
_PREPOSITIONS = frozenset({"IN"})
_TOPICS = ("nouns", "adjectives", "colours", "spatial_words", "numbers")
_BATCH = 1024


def _top_words() -> dict[str, TopWords]:
    return {topic: TopWords() for topic in _TOPICS}


@dataclass(kw_only=True)
class CaptionPartials:
    """Counts over some of the texts. Those of parts of speech may be over fewer: none where NLTK's data is missing.

    Args:
        words: how many texts have each number of words, like the four that follow.
        nouns: histogram.
        adjectives_adverbs: histogram.
        prepositions: histogram.
        clip_tokens: histogram.
        encoder_tokens: histogram, of the tokens of the text encoder; none where no encoder is named.
        text_encoder: folder or hub name of the text encoder; empty where none is named.
        vocabulary: every different word.
        noun_vocabulary: every different noun, in lower case.
        top_words: by topic, how often each word occurs.
        duplicates: what repeats.
        foreign: texts that are mostly in another script than English's.
    """

    words: Histogram = field(default_factory=Histogram)
    nouns: Histogram = field(default_factory=Histogram)
    adjectives_adverbs: Histogram = field(default_factory=Histogram)
    prepositions: Histogram = field(default_factory=Histogram)
    clip_tokens: Histogram = field(default_factory=Histogram)
    encoder_tokens: Histogram = field(default_factory=Histogram)
    text_encoder: str = ""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    noun_vocabulary: Vocabulary = field(default_factory=Vocabulary)
    top_words: dict[str, TopWords] = field(default_factory=_top_words)
    duplicates: DuplicateSketch = field(default_factory=DuplicateSketch)
    foreign: int = 0

    @property
    def texts(self) -> int:
        """How many texts there are."""
        return self.words.texts

    @property
    def tagged_texts(self) -> int:
        """How many of them had their parts of speech counted."""
        return self.nouns.texts

    @classmethod
    def of(cls, texts: Iterable[str], text_encoder: str = "") -> "CaptionPartials":
        """The counts over `texts`; without parts of speech where NLTK's data is missing.

        Raises:
            ValueError: `text_encoder` is named and has no tokenizer.
        """
        partials, tagging = cls(), has_nltk_data()
        for batch in _batches(texts):
            partials._count_words(batch)
            if tagging:
                partials._count_parts_of_speech(batch)
            if text_encoder:
                partials.count_encoder_tokens(batch, text_encoder)
        return partials

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "CaptionPartials":
        """What `to_json` gave.

        Raises:
            ValueError: another version of the project wrote it.
        """
        version = value.get("version")
        if version != VERSION:
            raise ValueError(
                f"caption statistics of version {version}, expected {VERSION}: remove the dataset's statistics/ folder "
                "and run again, which measures the captions anew"
            )
        return cls(
            **{name: Histogram.from_json(value[name]) for name in _HISTOGRAMS},
            text_encoder=value["text_encoder"],
            vocabulary=Vocabulary.from_json(value["vocabulary"]),
            noun_vocabulary=Vocabulary.from_json(value["noun_vocabulary"]),
            top_words={topic: TopWords.from_json(value["top_words"][topic]) for topic in _TOPICS},
            duplicates=DuplicateSketch.from_json(value["duplicates"]),
            foreign=value["foreign"],
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON in a fixed order, of a bounded size: equal counts, equal bytes."""
        return {
            "version": VERSION,
            **{name: self._histogram(name).to_json() for name in _HISTOGRAMS},
            "text_encoder": self.text_encoder,
            "vocabulary": self.vocabulary.to_json(),
            "noun_vocabulary": self.noun_vocabulary.to_json(),
            "top_words": {topic: self.top_words[topic].to_json() for topic in _TOPICS},
            "duplicates": self.duplicates.to_json(),
            "foreign": self.foreign,
        }

    def merge(self, other: "CaptionPartials") -> None:
        """Add the counts of other texts to these.

        Raises:
            ValueError: theirs are of another text encoder.
        """
        self._name_encoder(other.text_encoder)
        for name in _HISTOGRAMS:
            self._histogram(name).merge(other._histogram(name))
        self.vocabulary.merge(other.vocabulary)
        self.noun_vocabulary.merge(other.noun_vocabulary)
        for topic in _TOPICS:
            self.top_words[topic].merge(other.top_words[topic])
        self.duplicates.merge(other.duplicates)
        self.foreign += other.foreign

    def count_encoder_tokens(self, texts: Sequence[str], text_encoder: str) -> None:
        """Count the tokens of a text encoder too, of texts that are among these.

        Raises:
            ValueError: it has no tokenizer, or is another than was named before.
        """
        self._name_encoder(text_encoder)
        self.encoder_tokens.update(encoder_tokenizer(text_encoder).count(texts))

    def forget_encoder(self) -> None:
        """Leave out the tokens of the text encoder, to count those of another."""
        self.text_encoder, self.encoder_tokens = "", Histogram()

    def statistics(self) -> CaptionStatistics:
        """The averages; one text without parts of speech, or encoder's tokens, leaves those of the whole unknown."""
        tagged = self.tagged_texts == self.texts
        encoded = bool(self.text_encoder) and self.encoder_tokens.texts == self.texts
        averages = {name: self._histogram(name).mean if tagged else None for name in _PARTS_OF_SPEECH}
        errors = {name: self._histogram(name).standard_error if tagged else None for name in _PARTS_OF_SPEECH}
        return CaptionStatistics(
            texts=self.texts,
            words=self.words.mean,
            clip_tokens=self.clip_tokens.mean,
            **averages,
            encoder_tokens=self.encoder_tokens.mean if encoded else None,
            distinct_nouns=self.noun_vocabulary.distinct.count() if tagged else None,
            distinct_nouns_relative_error=self.noun_vocabulary.distinct.relative_error() if tagged else None,
            standard_errors=StandardErrors(
                words=self.words.standard_error,
                clip_tokens=self.clip_tokens.standard_error,
                encoder_tokens=self.encoder_tokens.standard_error if encoded else None,
                **errors,
            ),
            cut_by_clip=self.clip_tokens.share_above(CONTEXT),
            encoder_over_77=self.encoder_tokens.share_above(CONTEXT) if encoded else None,
            encoder_over_128=self.encoder_tokens.share_above(ELLA_TOKENS) if encoded else None,
            vocabulary_growth=self.vocabulary.growth(),
            noun_growth=self.noun_vocabulary.growth() if tagged else (),
            top_words={topic: self.top_words[topic].ranking() for topic in _TOPICS},
            duplicates=self.duplicates.duplicates(),
            foreign=self.foreign / self.texts if self.texts else 0.0,
        )

    def _histogram(self, name: str) -> Histogram:
        histogram: Histogram = getattr(self, name)
        return histogram

    def _name_encoder(self, name: str) -> None:
        if name and self.text_encoder and name != self.text_encoder:
            raise ValueError(
                f"tokens of text encoder {name!r} cannot be counted together with those of {self.text_encoder!r}"
            )
        self.text_encoder = self.text_encoder or name

    def _count_words(self, texts: Sequence[str]) -> None:
        self.words.update(len(text.split()) for text in texts)
        self.clip_tokens.update(map(count_clip_tokens, texts))
        words = [words_of(text) for text in texts]
        self.vocabulary.update(texts, words)
        self.duplicates.update(words)
        self.foreign += sum(map(is_foreign, texts))
        for topic, counts in by_topic(Counter(chain.from_iterable(words))).items():
            self.top_words[topic].update(counts)

    def _count_parts_of_speech(self, texts: Sequence[str]) -> None:
        tagged = tag_texts(texts)
        nouns = [[token for token, tag in of_text if tag in _NOUNS] for of_text in tagged]
        self.nouns.update(map(len, nouns))
        self.adjectives_adverbs.update(sum(tag in _ADJECTIVES_ADVERBS for _, tag in of_text) for of_text in tagged)
        self.prepositions.update(sum(tag in _PREPOSITIONS for _, tag in of_text) for of_text in tagged)
        self.noun_vocabulary.update(texts, nouns)
        self.top_words["nouns"].update(chain.from_iterable(nouns))
        self.top_words["adjectives"].update(token for token, tag in chain.from_iterable(tagged) if tag in _ADJECTIVES)


_PARTS_OF_SPEECH = ("nouns", "adjectives_adverbs", "prepositions")
_HISTOGRAMS = ("words", *_PARTS_OF_SPEECH, "clip_tokens", "encoder_tokens")


def caption_statistics(texts: Iterable[str], *, text_encoder: str = "") -> CaptionStatistics:
    """The statistics of `texts`, which is read once.

    Where NLTK's data is missing, the counts of parts of speech are None: see `captioning.part_of_speech`.

    Args:
        texts: captions.
        text_encoder: folder or hub name of a text encoder whose tokens are counted too.

    Raises:
        ValueError: the text encoder has no tokenizer.
    """
    return CaptionPartials.of(texts, text_encoder).statistics()


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(texts)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
