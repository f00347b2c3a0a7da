"""The report's numbers as plain JSON, for those who compute with them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from captioning.report.content import SCORE_STEP, Report, TextSet
from captioning.report.headline import headline


def summary(report: Report) -> dict[str, Any]:
    """Everything that the page shows, without the samples: the same report, the same JSON."""
    return {
        "headline": headline(report),
        "notes": list(report.notes),
        "texts": {texts.name: _texts(texts) for texts in report.texts},
        "steps": [{**asdict(step), "rejects": dict(sorted(step.rejects.items()))} for step in report.steps],
        "outcomes": [asdict(one) for one in report.outcomes],
        "scores": [{**asdict(one), "bin_width": SCORE_STEP} for one in report.scores],
    }


def _texts(texts: TextSet) -> dict[str, Any]:
    return {
        "source": texts.source,
        "is_caption": texts.is_caption,
        "drawn": texts.drawn,
        **asdict(texts.statistics),
        "alt_text_overlap": asdict(texts.overlap) if texts.overlap else None,
        "text_encoder": texts.text_encoder or None,
        "lengths_in_words": _histogram(texts.words),
        "lengths_in_clip_tokens": _histogram(texts.tokens),
        "lengths_in_encoder_tokens": _histogram(texts.encoder_tokens),
    }


def _histogram(counts: Mapping[int, int]) -> dict[str, int]:
    return {str(length): counts[length] for length in sorted(counts)}
