"""How a dataset's captions came out: why the captioner stopped, what was noticed, which rules cleaned them."""

from collections import Counter
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from captioning.report.content import Outcomes
from curation import storage
from curation.ahead import ahead
from curation.dataset import Dataset, Shard
from pipelines.report.measuring import READERS

_COLUMNS = ("finish_reason", "flags", "rules")


def outcomes(source: str, dataset: Dataset, captions: str) -> Outcomes | None:
    """The counts over all captions of one name; None where there are none.

    Args:
        source: what the plots call these captions.
        dataset: where they are.
        captions: the folder under `captions/`.
    """
    shards = [shard for shard in dataset.shards() if storage.exists(dataset.captions(captions, shard))]
    total, counts = 0, {column: Counter[str]() for column in _COLUMNS}
    for table in ahead(partial(_read, dataset, captions), shards, threads=READERS, distance=2 * READERS):
        total += table.num_rows
        for column in _COLUMNS:
            counts[column].update(_counted(table[column]))
    if not total:
        return None
    reasons, flags, rules = (dict(sorted(counts[column].items())) for column in _COLUMNS)
    return Outcomes(source=source, captions=total, finish_reasons=reasons, flags=flags, rules=rules)


def _read(dataset: Dataset, captions: str, shard: Shard) -> pa.Table:
    return storage.read_table(dataset.captions(captions, shard), list(_COLUMNS))


def _counted(column: pa.ChunkedArray) -> dict[str, int]:
    """How many captions have each code; no caption has one twice."""
    if pa.types.is_list(column.type):
        column = pc.list_flatten(column)
    found = pc.value_counts(column.drop_null())
    return dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True))
