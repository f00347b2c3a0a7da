"""Connector weights on disk: one safetensors file, found, checked and written the same way for every connector."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor, nn

from curation import storage
from training.errors import SettingsError

FILE_NAME = "connector.safetensors"


def find_checkpoint(path: str) -> Path:
    """The safetensors file at `path`: the file itself, or the folder's `connector.safetensors` or only one.

    Raises:
        SettingsError: there is none, or the folder holds several under other names.
    """
    place = Path(path)
    if place.is_file():
        return place
    found = sorted(place.glob("*.safetensors"))
    named = place / FILE_NAME
    if named in found:
        return named
    if len(found) != 1:
        there = ", ".join(file.name for file in found) or "none"
        raise SettingsError(f"{path}: expected a safetensors file or a folder with {FILE_NAME}; found {there}")
    return found[0]


def read_checkpoint(path: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors in float32 and metadata of the connector file at `path`, a file or a folder.

    Raises:
        SettingsError: there is no such file, or it is not whole safetensors.
    """
    with _opened(find_checkpoint(path)) as file:
        tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 (no mapping)
        return tensors, dict(file.metadata() or {})


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            yield opened
    except safetensors.SafetensorError as error:
        raise SettingsError(f"{file}: not a whole safetensors file ({error}); fetch or train it again") from error


def read_keys(path: str) -> frozenset[str]:
    """Names of the tensors in the connector file at `path`, a file or a folder; for errors see `read_checkpoint`."""
    with _opened(find_checkpoint(path)) as file:
        return frozenset(file.keys())


def require_keys(tensors: Mapping[str, Tensor], keys: Iterable[str], kind: str, path: str) -> None:
    """See that `tensors` have the keys by which a `kind` is known.

    Raises:
        SettingsError: some are missing; the message names them, and what is there instead.
    """
    missing = [key for key in keys if key not in tensors]
    if missing:
        raise SettingsError(
            f"{path}: these are not the weights of a {kind} (missing: {', '.join(missing)}; "
            f"got {len(tensors)} tensors: {', '.join(sorted(tensors)[:5])}, ...)"
        )


def load_strictly(module: nn.Module, tensors: Mapping[str, Tensor], path: str) -> None:
    """Make `tensors` the parameters of `module`, which may stand on the meta device.

    Raises:
        SettingsError: keys are missing or unknown, or shapes differ; the message names them all.
    """
    expected = module.state_dict()
    shared = expected.keys() & tensors.keys()
    complaints = {
        "missing": sorted(expected.keys() - tensors.keys()),
        "unexpected": sorted(tensors.keys() - expected.keys()),
        "of another shape": [
            f"{key} {tuple(tensors[key].shape)} instead of {tuple(expected[key].shape)}"
            for key in sorted(shared)
            if tensors[key].shape != expected[key].shape
        ],
    }
    if any(complaints.values()):
        said = "; ".join(f"{what}: {', '.join(keys)}" for what, keys in complaints.items() if keys)
        raise SettingsError(f"{path}: these are not the weights of a {type(module).__name__} ({said})")
    module.load_state_dict(tensors, assign=True)


def write_checkpoint(folder: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Write `folder`/connector.safetensors, whole or not at all: same tensors and metadata, same bytes.

    Returns:
        The path of the file.
    """
    path = storage.join(folder, FILE_NAME)
    contiguous = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    header, body = _ordered(safetensors.torch.save(contiguous, {"format": "pt", **metadata}))
    with storage.atomic_writer(path) as file:
        file.write(header)
        file.write(body)
    return path


def _ordered(content: bytes) -> tuple[bytes, memoryview]:
    """Header and body of a safetensors file, with the metadata in key order: the library's own order is chance."""
    end = 8 + int.from_bytes(content[:8], "little")
    fields = json.loads(content[8:end])
    fields["__metadata__"] = dict(sorted(fields["__metadata__"].items()))
    text = json.dumps(fields, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, memoryview(content)[end:]
