"""Training sets with shards of any size, and samples of any parts."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from curation import schemas, storage
from curation.dataset import Shard, TrainingSet, sample_id
from curation.tar import TarWriter

Parts = Mapping[str, bytes]


def jpeg(number: int, width: int = 24, height: int = 16) -> bytes:
    """A JPEG of one colour that tells numbers below 200 apart."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), number, np.uint8)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def parts_of(number: int) -> dict[str, bytes]:
    """Image, caption and details of sample `number`, which can be told from each of them."""
    details = {"alt_text": f"alt {number}", "original_height": 160 + number, "original_width": 240}
    return {"jpg": jpeg(number), "txt": f"caption {number}".encode(), "json": json.dumps(details).encode()}


def write_shard(root: Path, index: int, samples: Mapping[str, Parts], listed: Sequence[str] | None = None) -> None:
    """One training shard; its table lists the samples, or what is `listed`."""
    training_set, shard = TrainingSet(str(root)), Shard(index=index)
    with storage.atomic_writer(training_set.tar(shard)) as file, TarWriter(file) as tar:
        for key in sorted(samples):
            tar.write(key, samples[key])
    rows = [{"sample_id": key} for key in sorted(samples if listed is None else listed)]
    storage.write_table(training_set.table(shard), pa.Table.from_pylist(rows, schemas.TRAINING))


def write_set(root: Path, counts: Sequence[int]) -> list[str]:
    """A training set with `counts[i]` samples in shard i; gives the sample_ids, by number."""
    ids = [sample_id(str(number)) for number in range(sum(counts))]
    first = 0
    for index, count in enumerate(counts):
        write_shard(root, index, {ids[number]: parts_of(number) for number in range(first, first + count)})
        first += count
    return ids
