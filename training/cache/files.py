"""The files of a cache: safetensors, mapped into memory, each with the stamp of what made it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor

from curation import storage
from training.batch import TextFeatures
from training.cache.stamps import Stamp, require_match
from training.errors import DataError

ID_BYTES = 16


class CacheFile:
    """One file of a cache.

    Args:
        path: the file on this machine.
        name: what errors call it.
        asked: what it must have been made with, as far as that matters.

    Raises:
        SettingsError: it was made with something else.
        DataError: it is no file of a cache; the message names it.
    """

    def __init__(self, path: Path, name: str, asked: Stamp | None = None) -> None:
        try:
            with safetensors.safe_open(path, framework="pt") as file:
                self.stamp = _stamp(file.metadata(), name)
                self.tensors: dict[str, Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        except safetensors.SafetensorError as error:
            raise DataError(f"{name}: not a whole cache file ({error}); delete it to have it made again") from error
        require_match(name, self.stamp, asked or {})
        self.sample_ids = [bytes(row).rstrip(b"\0").decode() for row in self.tensors["sample_ids"].numpy()]


class LatentsFile(CacheFile):
    """The VAE's moments of a shard's squares.

    moments (n, 2 C, h, w), sizes (n, 2) of the images, crops (n, 2) where the squares were cut.
    """

    def __init__(self, path: Path, name: str, asked: Stamp | None = None) -> None:
        super().__init__(path, name, asked)
        self.moments, self.sizes, self.crops = (self.tensors[key] for key in ("moments", "sizes", "crops"))


class TextFile(CacheFile):
    """The text encoder's features of a shard's captions, and those of the empty caption.

    Where padding is attended to, features (n, L, D); else the captions' own tokens alone, one after another, (T, D),
    with the sample in row i from `starts[i]` to `starts[i + 1]`.
    """

    def __init__(self, path: Path, name: str, asked: Stamp | None = None) -> None:
        super().__init__(path, name, asked)
        self.features, self.empty_features = self.tensors["features"], self.tensors["empty"]
        self.starts: list[int] | None = self.tensors["starts"].tolist() if "starts" in self.tensors else None
        self.length: int = self.stamp["length"]

    @property
    def empty(self) -> TextFeatures:
        """Of the empty caption, (1, L, D)."""
        return _assembled([self.empty_features], None if self.starts is None else self.length)

    def row(self, row: int) -> Tensor:
        """Features (l, D) of one caption."""
        if self.starts is None:
            return self.features[row]
        return self.features[self.starts[row] : self.starts[row + 1]]


def gather(tensors: Sequence[Tensor], rows: Sequence[int]) -> Tensor:
    """Row `rows[i]` of `tensors[i]`, stacked: one copy out of the mapped files."""
    return torch.stack([tensor[row] for tensor, row in zip(tensors, rows, strict=True)])


def gather_text(files: Sequence[TextFile], rows: Sequence[int]) -> TextFeatures:
    """Features (B, L, D) of B captions, with a mask where padding was left out."""
    features = [file.row(row) for file, row in zip(files, rows, strict=True)]
    return _assembled(features, None if files[0].starts is None else files[0].length)


def _assembled(features: Sequence[Tensor], length: int | None) -> TextFeatures:
    """Features of B texts, (L, D) each as they are; or, of their own lengths, padded to `length` and with a mask."""
    if length is None:
        return TextFeatures(features=torch.stack(list(features)))
    out = features[0].new_zeros(len(features), length, features[0].shape[-1])
    mask = torch.zeros(len(features), length, dtype=torch.bool)
    for row, own in enumerate(features):
        out[row, : len(own)] = own
        mask[row, : len(own)] = True
    return TextFeatures(features=out, mask=mask)


def write_cache_file(path: str, sample_ids: Sequence[str], tensors: Mapping[str, Tensor], stamp: Stamp) -> None:
    """Write a file of a cache, whole or not at all: same tensors, same bytes.

    Raises:
        DataError: a sample_id is longer than 16 bytes.
    """
    ids = torch.zeros(len(sample_ids), ID_BYTES, dtype=torch.uint8)
    for row, sample_id in enumerate(sample_ids):
        content = sample_id.encode()
        if len(content) > ID_BYTES:
            raise DataError(f"{path}: sample_id {sample_id!r} has {len(content)} bytes; expected at most {ID_BYTES}")
        ids[row, : len(content)] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    # One entry, since the library writes several in an order of chance.
    metadata = {"stamp": json.dumps(stamp, sort_keys=True)}
    with storage.atomic_writer(path) as file:
        save_file({"sample_ids": ids, **tensors}, file.name, metadata)


def read_stamp(path: str) -> Stamp:
    """What the file at `path`, a path or a URL, was made with; nothing but its header is read.

    Raises:
        DataError: it is no file of a cache; the message names it.
    """
    with storage.open_read(path) as file:
        header = file.read(int.from_bytes(file.read(8), "little"))
    try:
        metadata = json.loads(header).get("__metadata__")
    except ValueError as error:
        raise DataError(f"{path}: not a whole cache file ({error}); delete it to have it made again") from error
    return _stamp(metadata, path)


def _stamp(metadata: Mapping[str, str] | None, name: str) -> Stamp:
    if not metadata or "stamp" not in metadata:
        raise DataError(f"{name}: has no stamp of what made it; expected a file that `ella train cache` wrote")
    stamp: Stamp = json.loads(metadata["stamp"])
    return stamp
