"""What a report shows of one dataset: its captions beside the alt-texts, its funnel, its scores."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from captioning.part_of_speech import has_nltk_data
from captioning.report.content import SCORE_BINS, SCORE_STEP, Scores, Step, TextSet
from captioning.statistics import AltTextOverlap, CaptionPartials
from captioning.statistics.partials import VERSION
from curation import storage
from curation.ahead import ahead
from curation.dataset import Dataset, Shard
from pipelines.report.measuring import READERS, TEXTS, Group, Measured, draw, measure
from pipelines.status import Funnel

QUICK = 5_000
"""Texts that a draw takes where there is no time for all."""
_TOP = SCORE_BINS * SCORE_STEP


def caption_names(dataset: Dataset) -> list[str]:
    """The names of the captions that a dataset has."""
    return storage.names(storage.join(dataset.root, "captions"))


def text_sets(
    branch: str, dataset: Dataset, *, sample: int | None, quick: bool, text_encoder: str = ""
) -> list[TextSet]:
    """The rows of the table for a dataset: averages as its own statistics have them, or else measured now.

    Args:
        branch: the dataset's name.
        dataset: where it is.
        sample: measure so many texts of each kind and no more, those whose sample_ids come first.
        quick: where there are no statistics, measure a draw as well.
        text_encoder: folder or hub name of a text encoder whose tokens are counted too.

    Raises:
        ValueError: the text encoder has no tokenizer.
    """
    sets: dict[str, TextSet] = {}
    for captions in caption_names(dataset):
        shards = [shard for shard in dataset.shards() if storage.exists(dataset.captions(captions, shard))]
        if not shards:
            continue
        read = partial(_texts, branch, dataset, captions)
        stored = None if sample else _stored(branch, dataset, captions, shards, text_encoder)
        if stored and text_encoder:
            _count_encoder_tokens(stored, map(read, shards), text_encoder)
        size = sample or (QUICK if quick else None)
        found = stored or _measured(read, shards, size, text_encoder)
        for group, measured in found.items():
            texts = measured.text_set(group, drawn=None if stored else size)
            sets.setdefault(texts.name, texts)  # other captions of the same images have the same alt-texts
    return list(sets.values())


def _measured(
    read: Callable[[Shard], pa.Table], shards: Sequence[Shard], size: int | None, text_encoder: str
) -> dict[Group, Measured]:
    return measure([draw(read, shards, size)] if size else (read(shard) for shard in shards), text_encoder)


def _count_encoder_tokens(stored: dict[Group, Measured], tables: Iterable[pa.Table], text_encoder: str) -> None:
    """Count the tokens of a text encoder that the statistics were not taken with; all else stays as it is stored.

    Raises:
        ValueError: the text encoder has no tokenizer.
    """
    partials = {is_caption: measured.partials for (_, _, is_caption), measured in stored.items()}
    if all(one.text_encoder == text_encoder and one.encoder_tokens.texts == one.texts for one in partials.values()):
        return
    for one in partials.values():
        one.forget_encoder()
    for table in tables:
        partials[True].count_encoder_tokens(table["caption"].to_pylist(), text_encoder)
        partials[False].count_encoder_tokens([text for text in table["alt_text"].to_pylist() if text], text_encoder)


def steps(funnels: Sequence[Funnel]) -> list[Step]:
    """The levels of all branches."""
    return [
        Step(source=funnel.branch, name=level.name, rows=level.rows, kept=level.kept, rejects=level.rejects)
        for funnel in funnels
        for level in funnel.levels
    ]


def scores(branch: str, dataset: Dataset) -> Scores | None:
    """The histogram of a dataset's aesthetic scores; None while it has none."""
    shards = [shard for shard in dataset.shards() if storage.exists(dataset.scores(shard))]
    if not shards:
        return None
    counted = ahead(partial(_count_scores, dataset), shards, threads=READERS, distance=2 * READERS)
    counts = sum(counted, np.zeros(SCORE_BINS, np.int64))
    return Scores(source=branch, counts=counts.tolist(), threshold=_threshold(dataset))


def _texts(branch: str, dataset: Dataset, captions: str, shard: Shard) -> pa.Table:
    """A shard's captions beside the alt-texts of the same images."""
    table = storage.read_table(dataset.captions(captions, shard), ["sample_id", "key", "caption"])
    table = table.filter(table["caption"].is_valid())
    images = storage.read_table(dataset.image_table(shard), ["key", "caption"])
    places = pc.index_in(table["key"], images["key"].combine_chunks())
    constant = {
        name: pa.array([value] * table.num_rows, pa.string()) for name, value in (("s", branch), ("c", captions))
    }
    columns = [table["sample_id"], constant["s"], constant["c"], table["caption"], images["caption"].take(places)]
    return pa.table(columns, names=list(TEXTS))


def _stored(
    branch: str, dataset: Dataset, captions: str, shards: Sequence[Shard], text_encoder: str
) -> dict[Group, Measured] | None:
    """The merged counts of `statistics/`; None where a shard has none, or where they can be better counted now."""
    paths = [dataset.statistics(captions, shard) for shard in shards]
    if not all(storage.exists(path) for path in paths):
        return None
    merged = {"alt_text": CaptionPartials(), "caption": CaptionPartials()}
    overlap = AltTextOverlap()
    for value in ahead(storage.read_json, paths, threads=READERS, distance=2 * READERS):
        for kind, whole in merged.items():
            if value[kind].get("version") != VERSION:
                return None
            part = CaptionPartials.from_json(value[kind])
            text_encoder = text_encoder or part.text_encoder
            if part.text_encoder != text_encoder:
                part.forget_encoder()
            whole.merge(part)
        if "overlap" in value:
            overlap.merge(AltTextOverlap.from_json(value["overlap"]))
    if has_nltk_data() and any(whole.nouns.texts < whole.words.texts for whole in merged.values()):
        return None
    return {
        (branch, captions, False): Measured(partials=merged["alt_text"]),
        (branch, captions, True): Measured(partials=merged["caption"], overlap=overlap),
    }


def _count_scores(dataset: Dataset, shard: Shard) -> np.ndarray:
    values = storage.read_table(dataset.scores(shard), ["aesthetic"])["aesthetic"].to_numpy()
    inside = np.clip(values[np.isfinite(values)], 0, np.nextafter(_TOP, 0))
    return np.histogram(inside, bins=SCORE_BINS, range=(0, _TOP))[0]


def _threshold(dataset: Dataset) -> float | None:
    """The `min_aesthetic` that the dataset's images were selected by."""
    recorded = storage.read_json(dataset.manifest()).get("steps", [])
    settings: dict[str, Any] = next((step["settings"] for step in recorded if step["name"] == "selection"), {})
    threshold = settings.get("min_aesthetic")
    return None if threshold is None else float(threshold)
