"""What the merge may take: every captioned image, on local disk but for the numbers that tell which are the same.

There may be tens of millions of images, so what names one (its sample_id, its key, its captions) is kept in a temporary
file, a batch a source shard, and read again when the plan is written. In memory an image takes 28 bytes.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc

from captioning.choice import choose
from curation import storage
from curation.ahead import ahead
from curation.dataset import Dataset, Shard
from curation.duplicates import first_word

READERS = 16
"""Threads that read captions, scores and image tables: the work is waiting for storage."""

Captions = str | dict[str, float]
"""The name of a branch's captions, or several names with their weights."""

NAMES = pa.schema([("sample_id", pa.string()), ("key", pa.string()), ("captions", pa.string())])
"""What names an image within its shard, by key."""

NUMBERS = pa.schema(
    [("sample_id", pa.uint64()), ("aesthetic", pa.float32()), ("file", pa.uint64()), ("looks", pa.uint64())]
)
"""What tells duplicates: the sample_id as a number, the score, 64 bits of the file's SHA-256, the perceptual hash."""


@dataclass(frozen=True, kw_only=True)
class MergeInput:
    """What one branch gives to the merge.

    Args:
        dataset: the branch's folder.
        captions: name of the captions to take, or several names with their weights.
        shards: the branch's finished shards.
    """

    dataset: Dataset
    captions: Captions
    shards: Sequence[Shard]


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """A source shard."""

    branch: str
    shard: Shard


def weights_of(captions: Captions) -> dict[str, float]:
    """Names of captions and their weights, where one name is all there is, too."""
    return {captions: 1.0} if isinstance(captions, str) else captions


class MergeCandidates:
    """The captioned images of all branches, in the order of branches, shards and keys; closed by its `with` block.

    Args:
        inputs: by branch.

    Attributes:
        places: the source shards.
        numbers: a row an image, as NUMBERS has them.
        starts: (places + 1), where in `numbers` each place begins, and the last one ends.
    """

    def __init__(self, inputs: Mapping[str, MergeInput]) -> None:
        self.places = [Place(branch=name, shard=shard) for name, given in inputs.items() for shard in given.shards]
        self._folder = tempfile.TemporaryDirectory(prefix="ella-merge-")
        file = Path(self._folder.name) / "names.arrow"
        numbers, sizes = [NUMBERS.empty_table()], [0]
        with ipc.new_file(file, NAMES) as writer:
            read = partial(_read, inputs)
            for names, found in ahead(read, self.places, threads=READERS, distance=2 * READERS):
                writer.write_batch(names)
                numbers.append(found)
                sizes.append(names.num_rows)
        self.numbers = pa.concat_tables(numbers).combine_chunks()
        self.starts: npt.NDArray[np.int64] = np.cumsum(sizes)
        self._names = ipc.open_file(pa.memory_map(str(file)))

    def names(self, place: int) -> pa.Table:
        """The images of the place with that number, as NAMES has them, in the order of `numbers`."""
        return pa.Table.from_batches([self._names.get_batch(place)])

    def rows(self, place: int) -> slice:
        """Where the images of the place with that number are in `numbers`."""
        return slice(int(self.starts[place]), int(self.starts[place + 1]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def _read(inputs: Mapping[str, MergeInput], place: Place) -> tuple[pa.RecordBatch, pa.Table]:
    given = inputs[place.branch]
    names = _captioned(given, place.shard)
    scores = _rows_of(
        names["key"], storage.read_table(given.dataset.scores(place.shard), ["key", "aesthetic", "phash"])
    )
    images = _rows_of(names["key"], storage.read_table(given.dataset.image_table(place.shard), ["key", "sha256"]))
    numbers = {
        "sample_id": first_word(names["sample_id"]),
        "aesthetic": scores["aesthetic"],
        "file": first_word(images["sha256"]),
        "looks": first_word(scores["phash"]),
    }
    [batch] = names.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], NAMES)]
    return batch, pa.table(numbers).cast(NUMBERS)


def _captioned(given: MergeInput, shard: Shard) -> pa.Table:
    """What names every image of a shard that has a caption, and whose caption it gets."""
    weights = {name: weight for name, weight in weights_of(given.captions).items() if weight}
    having: dict[tuple[str, str], dict[str, float]] = {}
    for name, weight in weights.items():
        table = storage.read_table(given.dataset.captions(name, shard), ["key", "sample_id", "caption"])
        table = table.filter(pc.is_valid(table["caption"]))
        for place in zip(table["key"].to_pylist(), table["sample_id"].to_pylist(), strict=True):
            having.setdefault(place, {})[name] = weight
    places = sorted(having)
    drawn = [choose(having[key, sample], sample) if len(weights) > 1 else next(iter(weights)) for key, sample in places]
    columns = [[sample for _, sample in places], [key for key, _ in places], drawn]
    return pa.table([pa.array(column, pa.string()) for column in columns], schema=NAMES)


def _rows_of(keys: pa.ChunkedArray, table: pa.Table) -> pa.Table:
    """The rows of `table` that have `keys`, in their order."""
    return table.take(pc.index_in(keys, table["key"].combine_chunks()))
