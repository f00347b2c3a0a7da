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


class SampleSpool:
    """Takes samples in any order, and gives them back in key order, with no more in memory than one of them.

    The parts wait in a temporary file for as long as the block is open.

    Args:
        folder: where that file is; the system's temporary folder without.
    """

    def __init__(self, folder: str | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed by `__exit__`)
        self._places: dict[str, dict[str, tuple[int, int]]] = {}
        self._end = 0

    def add(self, key: str, parts: Parts) -> None:
        """Take one sample.

        Raises:
            ValueError: the key came before.
            OSError: the disk is full.
        """
        if key in self._places:
            raise ValueError(f"key {key!r} came twice")
        places = {}
        for extension, content in parts.items():
            self._file.write(content)
            places[extension] = (self._end, len(content))
            self._end += len(content)
        self._places[key] = places

    def __len__(self) -> int:
        return len(self._places)

    def write(self, file: IO[bytes]) -> None:
        """Write all samples to `file` as a tar."""
        with TarWriter(file) as tar:
            for key in sorted(self._places):
                tar.write(key, {extension: self._read(*place) for extension, place in self._places[key].items()})

    def _read(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)

    def __enter__(self) -> "SampleSpool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


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
