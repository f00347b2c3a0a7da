"""WebDataset tars with nothing in them but the samples: same samples, same bytes."""

import io
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO

from curation import storage

Parts = Mapping[str, bytes]
"""One sample's files by extension: {"jpg": ..., "txt": ..., "json": ...}."""


class TarWriter:
    """Appends samples to an open file as `{key}.{extension}` members without times, owners or other chance.

    Keys must come in rising order, which makes the file a function of the samples alone.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        self._last = ""

    def write(self, key: str, parts: Parts) -> None:
        """Append one sample.

        Raises:
            ValueError: `key` is not above the one before it, or has a dot or slash, which readers would cut at.
        """
        if key <= self._last or set(key) & set("./"):
            raise ValueError(f"key {key!r} after {self._last!r}: keys must rise and hold no dot or slash")
        self._last = key
        for extension in sorted(parts):
            member = tarfile.TarInfo(f"{key}.{extension}")
            member.size, member.mode = len(parts[extension]), 0o444
            self._tar.addfile(member, io.BytesIO(parts[extension]))

    def close(self) -> None:
        """Write the end of the archive; the file itself stays open."""
        self._tar.close()

    def __enter__(self) -> "TarWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SortedTarWriter:
    """Takes samples in any order and writes them in key order, with no more in memory than one of them.

    The parts wait in a temporary file until `close`.

    Args:
        file: where the tar goes; it stays open.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self._where: dict[str, dict[str, tuple[int, int]]] = {}

    def write(self, key: str, parts: Parts) -> None:
        """Take one sample.

        Raises:
            ValueError: the key came before.
        """
        if key in self._where:
            raise ValueError(f"key {key!r} came twice")
        self._where[key] = {}
        for extension, content in parts.items():
            self._where[key][extension] = (self._spool.tell(), len(content))
            self._spool.write(content)

    def close(self) -> None:
        """Write the archive."""
        with self._spool, TarWriter(self._file) as tar:
            for key in sorted(self._where):
                tar.write(key, {extension: self._read(*where) for extension, where in self._where[key].items()})

    def _read(self, offset: int, size: int) -> bytes:
        self._spool.seek(offset)
        return self._spool.read(size)

    def __enter__(self) -> "SortedTarWriter":
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error:
            self._spool.close()
        else:
            self.close()


def read_tar(path: str) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Samples of the tar at `path` in their order, as (key, parts).

    Raises:
        ValueError: the tar is truncated or is not one; the message names it.
    """
    key, parts = "", dict[str, bytes]()
    with storage.open_read(path) as file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                for member in tar:
                    content = tar.extractfile(member)
                    if content is None:
                        continue
                    name, _, extension = member.name.partition(".")
                    if name != key:
                        if parts:
                            yield key, parts
                        key, parts = name, {}
                    parts[extension] = content.read()
        except tarfile.TarError as error:
            raise ValueError(f"{path}: not a whole tar ({error}); delete it to have it made again") from error
    if parts:
        yield key, parts
