"""What a report shows, as plain values: whoever reads datasets fills them in, and rendering reads nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from captioning.statistics import CaptionStatistics, Overlap

SCORE_STEP = 0.25
SCORE_BINS = 40
"""Aesthetic scores are counted in steps from 0 to 10, where the predictor's scale ends; what is outside joins the
first or the last bin."""


@dataclass(frozen=True, kw_only=True)
class TextSet:
    """One row of the table: the alt-texts or the captions of one source, or a file's texts.

    Args:
        name: of the row, such as `laion cogvlm`.
        source: what the sets that are drawn into one plot have in common.
        is_caption: whether these are the captions, rather than the alt-texts that they replace.
        statistics: the averages.
        words: number of words to texts.
        tokens: number of CLIP tokens, start and end included, to texts.
        text_encoder: folder or hub name of the text encoder whose tokens were counted; empty where none was named.
        encoder_tokens: number of its tokens to texts.
        overlap: what these captions have of the alt-texts that they replace; None where nothing is replaced.
        drawn: how many texts were asked for, where all of this was measured on a draw.
    """

    name: str
    source: str
    is_caption: bool
    statistics: CaptionStatistics
    words: Mapping[int, int]
    tokens: Mapping[int, int]
    text_encoder: str = ""
    encoder_tokens: Mapping[int, int] = field(default_factory=dict)
    overlap: Overlap | None = None
    drawn: int | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one step let through: a level of the funnel of one source.

    Args:
        source: the branch.
        name: of the step, such as `downloaded`.
        rows: that came in.
        kept: that got through.
        rejects: reason code to rows that did not.
    """

    source: str
    name: str
    rows: int
    kept: int
    rejects: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The aesthetic scores of one source.

    Args:
        source: the branch.
        counts: images in each of `SCORE_BINS` bins.
        threshold: that an image's score has to be over; None where nobody selected.
    """

    source: str
    counts: Sequence[int]
    threshold: float | None = None

    def share_over(self) -> list[float]:
        """For the lower edge of each bin, the share of the images that score as high or higher."""
        total = sum(self.counts)
        at_least = list(accumulate(reversed(self.counts)))[::-1]
        return [count / total if total else 0.0 for count in at_least]


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """How the captions of one source came out: counts of captions by code, one caption in several where it has several.

    Args:
        source: the branch.
        captions: how many there are, those that are missing among them.
        finish_reasons: why the captioner stopped, to captions.
        flags: what was noticed, to captions.
        rules: cleaning rule to captions that it changed.
    """

    source: str
    captions: int
    finish_reasons: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One card of the gallery.

    Args:
        sample_id: of the sample.
        source: the branch.
        reason: code of why it was dropped; None where it was kept.
        flags: codes of what was noticed about its captions.
        alt_text: that came with the image.
        captions: by name of the captions; None where there is none.
        url: of the image.
        aesthetic: score.
        short_edge: of the original, in pixels.
        thumbnail: WebP.
    """

    sample_id: str
    source: str
    reason: str | None = None
    flags: Sequence[str] = ()
    alt_text: str | None = None
    captions: Mapping[str, str | None] = field(default_factory=dict)
    url: str | None = None
    aesthetic: float | None = None
    short_edge: int | None = None
    thumbnail: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole report.

    Args:
        title: of the page.
        texts: rows of the table, in order.
        steps: of all sources, from top to bottom.
        scores: by source.
        outcomes: by source.
        samples: of the gallery.
        notes: lines that a person has to know to read the numbers.
        parts_of_speech: whether NLTK's data is there, to colour the captions.
    """

    title: str
    texts: Sequence[TextSet]
    steps: Sequence[Step] = ()
    scores: Sequence[Scores] = ()
    outcomes: Sequence[Outcomes] = ()
    samples: Sequence[Sample] = ()
    notes: Sequence[str] = ()
    parts_of_speech: bool = False

    def drops(self) -> dict[str, int]:
        """Rows by the reason that stopped them, over all steps and sources, the commonest first."""
        counts: dict[str, int] = {}
        for step in self.steps:
            for reason, count in step.rejects.items():
                counts[reason] = counts.get(reason, 0) + count
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
