"""What a report shows of a training set by itself: its captions beside the alt-texts, by source."""

from functools import partial

import pyarrow as pa

from captioning.report.content import TextSet
from curation import storage
from curation.dataset import Shard, TrainingSet
from pipelines.report.measuring import TEXTS, draw, measure


def text_sets(training_set: TrainingSet, *, sample: int | None, text_encoder: str = "") -> list[TextSet]:
    """The rows of the table, measured now, on `sample` pairs of all sources together or on all pairs.

    Raises:
        ValueError: `text_encoder` is named and has no tokenizer.
    """
    shards, read = training_set.shards(), partial(_texts, training_set)
    if not shards:
        return []
    tables = [draw(read, shards, sample)] if sample else (read(shard) for shard in shards)
    return [found.text_set(group, drawn=sample) for group, found in measure(tables, text_encoder).items()]


def _texts(training_set: TrainingSet, shard: Shard) -> pa.Table:
    return storage.read_table(training_set.table(shard), list(TEXTS))
