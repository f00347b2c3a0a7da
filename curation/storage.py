"""Files on any fsspec file system, written so that no reader ever sees half of one.

A local file is written beside its place under a temporary name, synced and renamed. On an object store the
file is finished locally and then put in one request: the object appears whole or not at all.
"""

import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

TEMPORARY = ".tmp-"
"""What the name of every unfinished local file starts with; such a file is safe to delete when no run is on."""


def local_path(path: str) -> Path | None:
    """The absolute form of `path`, a plain path or a file:// URL; None when it is not on this machine's file system."""
    fs, name = fsspec.core.url_to_fs(path)
    return Path(os.path.normpath(name)) if isinstance(fs, LocalFileSystem) else None


def join(folder: str, *names: str) -> str:
    """`folder/name/...` for local folders and URLs alike."""
    return "/".join([folder.rstrip("/"), *names])


def exists(path: str) -> bool:
    """Whether a finished file (or a folder) is at `path`."""
    fs, name = fsspec.core.url_to_fs(path)
    return bool(fs.exists(name))


def size(path: str) -> int:
    """Bytes in the file at `path`."""
    fs, name = fsspec.core.url_to_fs(path)
    return int(fs.size(name))


def names(folder: str, suffix: str = "") -> list[str]:
    """Sorted names in `folder` that end in `suffix`, temporary ones left out; empty when there is no folder."""
    fs, name = fsspec.core.url_to_fs(folder)
    if not fs.isdir(name):
        return []
    fs.invalidate_cache(name)
    found = (entry.rstrip("/").rsplit("/", 1)[-1] for entry in fs.ls(name, detail=False))
    return sorted(entry for entry in found if entry.endswith(suffix) and not entry.startswith(TEMPORARY))


def sizes(folder: str) -> dict[str, int]:
    """Bytes of every finished file in `folder`, by name."""
    fs, name = fsspec.core.url_to_fs(folder)
    if not fs.isdir(name):
        return {}
    entries = ((entry["name"].rsplit("/", 1)[-1], entry) for entry in fs.ls(name, detail=True))
    return {
        name: int(entry["size"])
        for name, entry in entries
        if entry["type"] == "file" and not name.startswith(TEMPORARY)
    }


def glob(pattern: str) -> list[str]:
    """Sorted files that match `pattern`, with the pattern's own protocol in front."""
    fs, name = fsspec.core.url_to_fs(pattern)
    found = sorted(str(entry) for entry in fs.glob(name))
    return found if isinstance(fs, LocalFileSystem) else [str(fs.unstrip_protocol(entry)) for entry in found]


def open_read(path: str) -> IO[bytes]:
    """Open `path` for reading bytes."""
    return fsspec.open(path, "rb").open()  # type: ignore[no-any-return]


@contextmanager
def atomic_writer(path: str) -> Iterator[IO[bytes]]:
    """Bytes written here are at `path` once the block ends well, and nowhere when it does not."""
    fs, name = fsspec.core.url_to_fs(path)
    local = isinstance(fs, LocalFileSystem)
    folder = Path(name).parent if local else Path(tempfile.gettempdir())
    if local:
        folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{TEMPORARY}{uuid.uuid4().hex}"
    try:
        with unfinished.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if local:
            unfinished.replace(name)
        else:
            fs.makedirs(fs._parent(name), exist_ok=True)
            fs.put_file(str(unfinished), name)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_unfinished(folder: str) -> int:
    """Delete what killed writers left below a local folder; returns how many files that was."""
    here = local_path(folder)
    if here is None:
        return 0
    left = [path for path in here.rglob(f"{TEMPORARY}*") if path.is_file()]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def read_text(path: str) -> str:
    """The UTF-8 text at `path`."""
    with open_read(path) as file:
        return file.read().decode()


def write_text(path: str, text: str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with atomic_writer(path) as file:
        file.write(text.encode())


def read_json(path: str) -> Any:
    """The JSON value at `path`."""
    return json.loads(read_text(path))


def write_json(path: str, value: Any) -> None:
    """Write `value` to `path` as JSON, whole or not at all: same value, same bytes."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_table(path: str, columns: list[str] | None = None) -> pa.Table:
    """The Parquet file at `path`, or some of its columns.

    Raises:
        ValueError: the file is not whole Parquet, or lacks one of `columns`; the message names the file.
    """
    with open_read(path) as file:
        try:
            parquet = pq.ParquetFile(file)
            there = parquet.schema_arrow.names
            missing = [column for column in columns or [] if column not in there]
            if missing:
                raise ValueError(f"{path}: no column {', '.join(missing)}; it has {', '.join(there)}")
            return parquet.read(columns=columns)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{path}: not a whole Parquet file ({error}); delete it to have it made again") from error


def write_table(path: str, table: pa.Table) -> None:
    """Write `table` to `path` as Parquet, whole or not at all: same table, same bytes."""
    with atomic_writer(path) as file:
        pq.write_table(table, file, compression="zstd")
