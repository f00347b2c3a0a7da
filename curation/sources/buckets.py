"""Tables of any size brought into the order of their sample ids, and cut into shards, within bounded memory.

Rows are spread over files on local disk by the first bits of their sample id; each file is then small enough to be
sorted in memory, and the files one after another are the whole in order. As an id is a hash, this order is a random
one: every shard is a random sample of the hosts, so that none is asked for thousands of images in a row and all
shards take about as long.
"""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc

Numbers = npt.NDArray[np.int64]

ROWS_PER_BUCKET = 1_000_000
"""About how many rows are sorted in memory at once."""

BUFFER_BYTES = 1 << 28
"""Rows held before they are spread, so that each bucket is appended to in long runs."""


class Buckets:
    """Numbered files of rows, in a folder that goes away with the `with` block.

    Args:
        schema: of every table that comes; it has a string column `sample_id`.
        folder: local folder to make the temporary one in; None is the system's (`TMPDIR`).
    """

    def __init__(self, schema: pa.Schema, folder: str | None = None) -> None:
        self._schema = schema
        self._folder = tempfile.TemporaryDirectory(prefix="ella-plan-", dir=folder)
        self._waiting: list[tuple[pa.Table, Numbers]] = []
        self._waiting_bytes = 0

    def __enter__(self) -> "Buckets":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def add(self, table: pa.Table, numbers: Numbers) -> None:
        """Take rows in, each with the number of its bucket."""
        self._waiting.append((table, numbers))
        self._waiting_bytes += table.nbytes
        if self._waiting_bytes >= BUFFER_BYTES:
            self._spread()

    def in_order(self) -> Iterator[tuple[int, pa.Table]]:
        """Each bucket's number and its rows by sample id, the first that came where several have the same."""
        self._spread()
        for path in sorted(Path(self._folder.name).iterdir(), key=_number):
            table = self._read(path)
            path.unlink()
            yield _number(path), _drop_duplicates(table.take(pc.sort_indices(table["sample_id"])))  # a stable sort

    def _spread(self) -> None:
        if not self._waiting:
            return
        table = pa.concat_tables([rows for rows, _ in self._waiting]).combine_chunks()
        numbers = np.concatenate([numbers for _, numbers in self._waiting])
        self._waiting, self._waiting_bytes = [], 0
        order = np.argsort(numbers, kind="stable")
        table = table.take(pa.array(order))
        buckets, starts = np.unique(numbers[order], return_index=True)
        for bucket, start, end in zip(buckets, starts, [*starts[1:], len(order)], strict=True):
            self._append(int(bucket), table.slice(start, end - start))

    def _append(self, bucket: int, rows: pa.Table) -> None:
        # Opened for each run of rows, since there may be more buckets than files that a process may hold open.
        options = ipc.IpcWriteOptions(compression="lz4")
        path = Path(self._folder.name) / f"{bucket}.arrows"
        with path.open("ab") as file, ipc.new_stream(file, self._schema, options=options) as stream:
            stream.write_table(rows)

    @staticmethod
    def _read(path: Path) -> pa.Table:
        tables = []
        with pa.OSFile(str(path)) as file:
            while file.tell() < file.size():
                with ipc.open_stream(file) as stream:
                    tables.append(stream.read_all())
        return pa.concat_tables(tables)


def bucket_numbers(ids: pa.ChunkedArray, rows: int) -> Numbers:
    """The bucket of each sample id, for `rows` rows in all: equal ranges of its first 32 bits, in rising order."""
    buckets = max(1, -(-rows // ROWS_PER_BUCKET))
    first_bits = np.fromiter((int(i[:8], 16) for i in ids.to_pylist()), dtype=np.int64, count=len(ids))
    return (first_bits * buckets) >> 32


def cut(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The rows of `tables`, `rows` at a time; the last table may be shorter."""
    rest: pa.Table | None = None
    for table in tables:
        rest = table if rest is None else pa.concat_tables([rest, table])
        while rest.num_rows >= rows:
            yield rest.slice(0, rows).combine_chunks()
            rest = rest.slice(rows)
    if rest is not None and rest.num_rows:
        yield rest.combine_chunks()


def _drop_duplicates(table: pa.Table) -> pa.Table:
    """The first row of each sample id, of a table that is in the order of its sample ids."""
    if table.num_rows < 2:
        return table
    ids = table["sample_id"]
    new = pc.not_equal(ids.slice(1), ids.slice(0, len(ids) - 1))
    return table.filter(pa.chunked_array([pa.array([True]), *new.chunks]))


def _number(path: Path) -> int:
    return int(path.stem)
