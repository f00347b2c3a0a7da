"""Texts in files that other tools wrote: a column of Parquet, JSONL, CSV or TSV, or a plain text file's lines."""

import csv
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation import storage
from curation.config_errors import nearest
from pipelines.errors import UsageError

COLUMNS = ("caption", "text", "prompt")
"""Looked for in this order, whatever their case, where no column is named."""
LONGEST = 100_000
"""Characters: what is longer is no caption but a file in the wrong format."""
_BATCH = 10_000


def read_texts(path: str, column: str | None = None) -> Iterator[str]:
    """The texts in the file at `path`, those that are empty left out.

    Args:
        path: `.parquet`, `.jsonl`, `.csv`, `.tsv`; anything else is plain text with a caption a line.
        column: of the texts; one of `COLUMNS` without.

    Raises:
        UsageError: the file is empty, damaged, not UTF-8, or has no such column or no text at all.
    """
    if not storage.exists(path):
        raise UsageError(f"{path}: no such file or folder")
    if not storage.size(path):
        raise UsageError(f"{path}: the file is empty; expected a caption a line, or a column of captions")
    found = False
    for place, text in _texts(path, column):
        if not text.strip():
            continue
        if len(text) > LONGEST:
            raise UsageError(
                f"{path}: {place} has a text of {len(text):,} characters, over the {LONGEST:,} of the longest caption: "
                "expected a caption a line"
            )
        found = True
        yield text
    if not found:
        raise UsageError(f"{path}: no captions in it, only empty ones")


def _texts(path: str, column: str | None) -> Iterator[tuple[str, str]]:
    """Every text with its place in the file."""
    suffix = path.lower().rpartition(".")[2]
    if suffix == "parquet":
        return _parquet(path, column)
    if suffix in ("jsonl", "ndjson"):
        return _json_lines(path, column)
    if suffix in ("csv", "tsv"):
        return _separated(path, column, "," if suffix == "csv" else "\t")
    if column:
        raise UsageError(f"{path}: a plain text file has no column {column!r}; leave --column out, or give .jsonl")
    return ((f"line {number}", line) for number, line in _lines(path))


def _parquet(path: str, column: str | None) -> Iterator[tuple[str, str]]:
    with storage.open_read(path) as file:
        try:
            parquet = pq.ParquetFile(file)
        except pa.ArrowInvalid as error:
            raise UsageError(f"{path}: not a whole Parquet file ({error})") from error
        name = _choose(path, parquet.schema_arrow.names, column)
        kind = parquet.schema_arrow.field(name).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise UsageError(f"{path}: column {name} holds {kind}; expected text")
        number = 0
        for batch in parquet.iter_batches(_BATCH, columns=[name]):
            for text in _decoded(path, batch.column(0)):
                number += 1
                yield f"row {number}", text or ""


def _decoded(path: str, column: Any) -> list[str | None]:
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not valid UTF-8 ({error.reason}); write the file as UTF-8") from error


def _json_lines(path: str, column: str | None) -> Iterator[tuple[str, str]]:
    name = ""
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise UsageError(f"{path}: line {number} is not JSON ({error.msg})") from error
        if not isinstance(row, dict):
            raise UsageError(f"{path}: line {number} is {type(row).__name__}; expected an object with a caption in it")
        name = name or _choose(path, list(row), column)
        text = row.get(name) or ""
        if not isinstance(text, str):
            raise UsageError(f"{path}: line {number} has {type(text).__name__} in {name!r}; expected text")
        # JSON can spell out half of a surrogate pair, which no file and no page can hold.
        yield f"line {number}", text.encode(errors="replace").decode()


def _separated(path: str, column: str | None, delimiter: str) -> Iterator[tuple[str, str]]:
    csv.field_size_limit(1 << 30)
    rows = csv.DictReader((f"{line}\n" for _, line in _lines(path)), delimiter=delimiter)
    name = _choose(path, list(rows.fieldnames or []), column)
    for row in rows:
        yield f"line {rows.line_num}", row[name] or ""


def _lines(path: str) -> Iterator[tuple[int, str]]:
    """Lines by number, without their ends."""
    with storage.open_read(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise UsageError(
                    f"{path}: line {number} is not valid UTF-8 (byte 0x{line[error.start]:02x}); save it as UTF-8"
                ) from error
            yield number, text.rstrip("\r\n")


def _choose(path: str, names: Sequence[str], column: str | None) -> str:
    """The column of the texts."""
    if column:
        if column in names:
            return column
        raise UsageError(f"{path}: no column {column!r}{nearest(column, names)}; it has {', '.join(names) or 'none'}")
    by_case = {name.lower(): name for name in names}
    for known in COLUMNS:
        if known in by_case:
            return by_case[known]
    raise UsageError(
        f"{path}: no column {', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}; name one with --column: {', '.join(names)}"
    )
