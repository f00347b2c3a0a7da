"""Parquet tables of URLs, as LAION and COYO publish them, brought into one form and cut into shards."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from curation import storage
from curation.dataset import Dataset, Shard, sample_id
from curation.download.stage import MAX_ROWS
from curation.reasons import Reason
from curation.schemas import URLS
from curation.sources.buckets import Buckets, bucket_numbers, cut
from curation.sources.source import InputFile, Plan, Source, describe_end
from curation.sources.url import normalise_url
from curation.stage import execution

logger = logging.getLogger(__name__)

_BATCH_ROWS = 1 << 16
_TAIL = 8
"""Bytes after a Parquet footer: its length in four, little-endian, and `PAR1`."""


@dataclass(frozen=True, kw_only=True)
class _Table:
    """One input file: `columns` maps our name of each column to the file's own, `schema` has our names."""

    path: str
    rows: int
    columns: Mapping[str, str]
    schema: pa.Schema


@dataclass(kw_only=True)
class UrlTables(Source):
    """A source whose metadata is Parquet with a URL and a text a row.

    Column names are matched in any case and read from each file, as releases differ. A shard has the columns of
    `curation.schemas.URLS`, then all others of the source under their own names in lower case, null where a file
    lacks one. `url` is the normalised URL. Of rows with the same URL the first stays, in the order of paths and rows.
    Different URLs with the same 64-bit id count as one; in 2 billion rows, 0.1 such pairs are to be expected.

    Args:
        metadata: a .parquet file, a folder of them, or a glob; local or any fsspec URL.
        rows_per_shard: URLs in a shard.
        scratch: local folder for the temporary files of planning, about the size of the metadata; default: the
            system's.
    """

    metadata: str
    rows_per_shard: int = 10_000
    scratch: str | None = execution(None)

    name: ClassVar[str]
    """What the `source` column says."""
    url_columns: ClassVar[Sequence[str]] = ("url",)
    text_columns: ClassVar[Sequence[str]]
    """Accepted names, in lower case, the first that is there being taken."""
    renamed: ClassVar[Mapping[str, str]] = {}
    """Columns of the source whose own name, in lower case, would say something else among ours."""

    def __post_init__(self) -> None:
        if not 1 <= self.rows_per_shard <= MAX_ROWS:
            raise ValueError(f"rows_per_shard={self.rows_per_shard}: expected 1 to {MAX_ROWS}, the most Download takes")

    def inputs(self) -> list[InputFile]:
        """Every file, with the SHA-256 of its footer, which holds the place, size and statistics of every column."""
        return [describe_end(path, _footer_length(path)) for path in self._paths()]

    def check(self) -> None:
        """See `Source.check`."""
        _unify(self._tables())

    def write_shards(self, dataset: Dataset) -> Plan:
        """Spread the rows over buckets by id, then sort, de-duplicate and cut one bucket after another."""
        tables = self._tables()
        schema, rows, taken, kept, shards = _unify(tables), sum(table.rows for table in tables), 0, 0, 0
        with Buckets(schema, self.scratch) as buckets:
            for batch in self._read(tables, schema):
                buckets.add(batch, bucket_numbers(batch["sample_id"], rows))
                taken += batch.num_rows
            for shard_rows in cut((bucket for _, bucket in buckets.in_order()), self.rows_per_shard):
                storage.write_table(dataset.urls(Shard(index=shards)), shard_rows)
                kept, shards = kept + shard_rows.num_rows, shards + 1
        rejects = {Reason.BAD_URL.value: rows - taken, Reason.DUPLICATE.value: taken - kept}
        return Plan(rows=rows, kept=kept, rejects=rejects, shards=shards)

    def _paths(self) -> list[str]:
        inside = [storage.join(self.metadata, name) for name in storage.names(self.metadata, ".parquet")]
        paths = inside or [path for path in storage.glob(self.metadata) if path.endswith(".parquet")]
        if not paths:
            raise ValueError(f"{self.metadata}: no .parquet file there; expected a file, a folder of them, or a glob")
        return paths

    def _tables(self) -> list[_Table]:
        return [self._table(path) for path in self._paths()]

    def _table(self, path: str) -> _Table:
        """What the footer of the file at `path` says."""
        with storage.open_read(path) as file:
            try:
                footer = pq.ParquetFile(file)
            except pa.ArrowInvalid as error:
                raise ValueError(f"{path}: not a whole Parquet file ({error}); fetch it again") from error
            there, rows = footer.schema_arrow, footer.metadata.num_rows
        columns = self._columns(path, there.names)
        schema = pa.schema([(ours, _plain(there.field(own).type)) for ours, own in columns.items()])
        for ours in ("url", "alt_text"):
            if schema.field(ours).type != pa.string():
                raise ValueError(f"{path}: column {columns[ours]} is {schema.field(ours).type}, expected text")
        return _Table(path=path, rows=rows, columns=columns, schema=schema)

    def _columns(self, path: str, there: Sequence[str]) -> dict[str, str]:
        """Our name to the file's own name of each column, the URL and the text first."""
        own = {name.lower(): name for name in there}
        if len(own) < len(there):
            raise ValueError(f"{path}: columns that differ in case alone: {', '.join(there)}")
        found = {}
        for ours, accepted in (("url", self.url_columns), ("alt_text", self.text_columns)):
            name = next((name for name in accepted if name in own), None)
            if name is None:
                raise ValueError(
                    f"{path}: no column for {ours}: looked for {' or '.join(accepted)}, in any case; "
                    f"it has {', '.join(there)}"
                )
            found[ours] = own.pop(name)
        clashing = {name: f"{self.name}_{name}" for name in URLS.names}
        names = {**clashing, **self.renamed}
        return found | {names.get(lower, lower): name for lower, name in own.items()}

    def _read(self, tables: Sequence[_Table], schema: pa.Schema) -> Iterator[pa.Table]:
        """The rows of all files in batches, without those whose URL is none."""
        for number, table in enumerate(tables, 1):
            logger.info("reading %s (%d of %d, %d rows)", table.path, number, len(tables), table.rows)
            with storage.open_read(table.path) as file:
                try:
                    for batch in pq.ParquetFile(file).iter_batches(batch_size=_BATCH_ROWS):
                        yield self._rows(batch, table, schema)
                except (pa.ArrowException, OSError) as error:
                    raise ValueError(f"{table.path}: cannot be read to its end ({error}); fetch it again") from error

    def _rows(self, batch: pa.RecordBatch, table: _Table, schema: pa.Schema) -> pa.Table:
        ours = {name: _clean(batch[own].cast(table.schema.field(name).type)) for name, own in table.columns.items()}
        urls = [_normalised(url) for url in ours["url"].to_pylist()]
        ours["url"] = pa.array(urls, pa.string())
        ours["sample_id"] = pa.array([url and sample_id(url) for url in urls], pa.string())
        ours["source"] = pa.repeat(self.name, len(urls))
        columns = [
            # Unsafe, as a release may hold as float what another holds as int64: such ids were never exact.
            ours[field.name].cast(field.type, safe=False) if field.name in ours else pa.nulls(len(urls), field.type)
            for field in schema
        ]
        # Filtered under nullable fields: only then do all rows have the id that `schema` promises.
        return pa.table(columns, names=schema.names).filter(ours["url"].is_valid()).cast(schema)


def _unify(tables: Sequence[_Table]) -> pa.Schema:
    """The columns of every shard: ours, then those that any of the files has."""
    schema = URLS
    for table in tables:
        own = pa.schema([field for field in table.schema if field.name not in URLS.names])
        try:
            schema = pa.unify_schemas([schema, own], promote_options="permissive")
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ValueError(f"{table.path}: a column has another type than in the files before it: {error}") from error
    return schema


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without what depends on the writer alone: dictionaries and 64-bit offsets."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    return pa.string() if pa.types.is_large_string(kind) else kind


def _clean(array: pa.Array) -> pa.Array:
    """`array`, with U+FFFD for bytes of a text that are not UTF-8: Parquet readers take a writer's word for it."""
    if array.type != pa.string():
        return array
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        texts = array.cast(pa.binary()).to_pylist()
        return pa.array([text and text.decode(errors="replace") for text in texts], pa.string())
    return array


def _normalised(url: str | None) -> str | None:
    try:
        return normalise_url(url or "")
    except ValueError:
        return None


def _footer_length(path: str) -> int:
    with storage.open_read(path) as file:
        file.seek(max(0, storage.size(path) - _TAIL))
        tail = file.read()
    if len(tail) < _TAIL or not tail.endswith(b"PAR1"):
        raise ValueError(f"{path}: not a whole Parquet file (it does not end in PAR1); fetch it again")
    return int.from_bytes(tail[:4], "little") + _TAIL
