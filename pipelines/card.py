"""The dataset card: what a training set holds, where it came from, and how to read it."""

from collections.abc import Iterable

from captioning.statistics import CaptionPartials, CaptionStatistics
from curation import storage
from curation.ahead import ahead
from curation.dataset import Dataset, TrainingSet
from curation.manifest import fingerprint
from curation.schemas import TRAINING
from pipelines import status
from pipelines.candidates import READERS, weights_of
from pipelines.merge import Merge, merge_summary
from pipelines.pipeline import Pipeline

CARD = """---
task_categories: [text-to-image]
language: [en]
size_categories: [{size}]
tags: [webdataset, dense-captions]
---
# {name}

{note}{pairs:,} image-text pairs in {shards:,} shards: `NNNNN.tar` (WebDataset: `.jpg`, `.txt` with the caption,
`.json` with the rest) beside `NNNNN.parquet` (the same rows without the images: {columns}).
Samples are named by `sample_id`, 64 bits of a hash of the image's normalised URL (JourneyDB: of its path).

## Where it comes from
{funnel}

Rows from left to right: how many each step let through. Settings: `dataset.json`, fingerprint `{fingerprint}`.

## Captions
Averages a text; parts of speech by NLTK on the text in lower case, tokens by CLIP's tokenizer, start and end counted;
± one standard error.

{statistics}

## Reading it
```python
import webdataset
pairs = webdataset.WebDataset("{{00000..{last:05d}}}.tar", shardshuffle=False).decode("pil")
```
The images belong to their owners and come with the terms of the pages they were found on.
"""

_SIZES = [
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
]


def write(pipeline: Pipeline, merge: Merge) -> None:
    """Write the card of the finished training set."""
    storage.write_text(TrainingSet(merge.output).card(), render(pipeline, merge))


def render(pipeline: Pipeline, merge: Merge) -> str:
    """The card's Markdown: the same training set, the same text."""
    training_set = TrainingSet(merge.output)
    summary = merge_summary(training_set)
    pairs = sum(summary["pairs"].values())
    return CARD.format(
        name=merge.output.rstrip("/").rpartition("/")[2],
        note=f"> {merge.note}\n\n" if merge.note else "",
        size=next((name for limit, name in _SIZES if pairs < limit), "n>10M"),
        pairs=pairs,
        shards=summary["shards"],
        last=summary["shards"] - 1,
        columns=", ".join(f"`{column}`" for column in TRAINING.names),
        funnel=_funnel(pipeline, summary["pairs"]),
        fingerprint=fingerprint(storage.read_json(training_set.manifest())),
        statistics=_statistics(pipeline),
    )


def _funnel(pipeline: Pipeline, pairs: dict[str, int]) -> str:
    rows = []
    for name in pipeline.branches:
        levels = status.levels(pipeline.dataset(name))
        kept = {level.name: level.kept for level in levels}
        steps = [f"{kept.get(step, 0):,}" for step in ("planned", "downloaded", "scored", "kept")]
        captioned = [f"{kept.get(f'captioned: {each}', 0):,}" for each in weights_of(pipeline.captions_of(name))]
        rows.append([name, *steps, ", ".join(captioned), f"{pairs.get(name, 0):,}"])
    return _table(["branch", "planned", "downloaded", "scored", "kept", "captioned", "merged"], rows)


def _statistics(pipeline: Pipeline) -> str:
    """Table 1 of the paper for this set: each branch's alt-texts beside its captions, duplicates among them."""
    rows = []
    for name in pipeline.branches:
        dataset = pipeline.dataset(name)
        for place, captions in enumerate(weights_of(pipeline.captions_of(name))):
            if not place:
                rows.append([f"{name} alt-text", *_averages(_merged(dataset, captions, "alt_text"))])
            rows.append([f"{name} {captions}", *_averages(_merged(dataset, captions, "caption"))])
    return _table(["texts of", "number", "words", "NN", "JJ/RB", "IN", "tokens"], rows)


def _merged(dataset: Dataset, captions: str, text: str) -> CaptionStatistics | None:
    paths = (dataset.statistics(captions, shard) for shard in dataset.shards())
    whole: CaptionPartials | None = None
    there = (path for path in paths if storage.exists(path))
    for value in ahead(storage.read_json, there, threads=READERS, distance=2 * READERS):
        whole = whole or CaptionPartials()
        whole.merge(CaptionPartials.from_json(value[text]))
    return whole.statistics() if whole else None


def _averages(statistics: CaptionStatistics | None) -> list[str]:
    if statistics is None:
        return ["not measured", "", "", "", "", ""]
    names = ("words", "nouns", "adjectives_adverbs", "prepositions", "clip_tokens")
    pairs = ((getattr(statistics, name), getattr(statistics.standard_errors, name)) for name in names)
    return [f"{statistics.texts:,}", *(_with_error(average, error) for average, error in pairs)]


def _with_error(average: float | None, error: float | None) -> str:
    if average is None:
        return "not measured"
    return f"{average:.2f}" if error is None else f"{average:.2f} ± {error:.2f}"


def _table(header: list[str], rows: Iterable[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
