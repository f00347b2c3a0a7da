"""Reports made by hand, of real counts over a few texts, for the tests of what is drawn from them."""

from collections.abc import Sequence
from typing import Any

from captioning.report.content import Report, Sample, Scores, Step, TextSet
from captioning.statistics import AltTextOverlap, CaptionPartials

HOSTILE = "</script><script>alert(1)</script>\"'>&amp;<img src=x onerror=alert(2)>"


def text_set(name: str, texts: Sequence[str], encoder: str = "", **fields: Any) -> TextSet:
    """A row of the table from texts that are really counted; without parts of speech where NLTK's data is missing."""
    partials = CaptionPartials.of(texts, encoder)
    given: dict[str, Any] = {
        "name": name,
        "source": name.partition(" ")[0],
        "is_caption": not name.endswith("alt-text"),
        "statistics": partials.statistics(),
        "words": partials.words.counts,
        "tokens": partials.clip_tokens.counts,
        "text_encoder": partials.text_encoder,
        "encoder_tokens": partials.encoder_tokens.counts,
    }
    return TextSet(**{**given, **fields})


def funnel(source: str, planned: int, downloaded: int, merged: int) -> list[Step]:
    """A source's steps."""
    lost = {"not_found": planned - downloaded}
    dropped = {"aesthetic": downloaded - merged}
    return [
        Step(source=source, name="planned", rows=planned, kept=planned),
        Step(source=source, name="downloaded", rows=planned, kept=downloaded, rejects=lost),
        Step(source=source, name="kept", rows=downloaded, kept=merged, rejects=dropped),
        Step(source=source, name="merged", rows=merged, kept=merged),
    ]


def sample(number: int, **fields: Any) -> Sample:
    """A card."""
    given: dict[str, Any] = {"sample_id": f"{number:016x}", "source": "laion", "alt_text": f"alt {number}"}
    return Sample(**{**given, **fields})


def report(**fields: Any) -> Report:
    """A whole report of two sources."""
    counts = [0] * 40
    counts[20], counts[26] = 6, 2
    given: dict[str, Any] = {
        "title": "a run",
        "texts": [
            text_set("laion alt-text", ["a cat", "a dog"]),
            text_set(
                "laion new",
                ["a red cat on a mat " * 20, "a dog under two blue chairs"],
                overlap=AltTextOverlap.of([("a red cat", "my cat Tom by Jane"), ("a dog", "a dog")]).overlap(),
            ),
            text_set("coyo new", ["one word after another"]),
        ],
        "steps": [*funnel("laion", 100, 80, 20), *funnel("coyo", 100, 90, 60)],
        "scores": [Scores(source="laion", counts=counts, threshold=6.0)],
        "samples": [sample(1, captions={"new": "a cat"}), sample(2, reason="aesthetic", aesthetic=5.25)],
    }
    return Report(**{**given, **fields})
