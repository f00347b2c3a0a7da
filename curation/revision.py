"""Which weights a checkpoint holds: a short hash to write beside what they made."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

_PARTS = ("config.json", "open_clip_config.json", "*.safetensors", "*.bin", "*.pt", "*.pth")
_SAMPLE_BYTES = 1 << 20


def folder_revision(folder: str) -> str | None:
    """64 bits, as 16 hex digits, of a hash of a checkpoint's configuration and weights.

    Of each file only the size and the last MiB count, so that 35 GB are not read twice to be named: enough to tell one
    checkpoint from another, no proof that two are equal.

    Args:
        folder: of a checkpoint, with its subfolders, or one file of weights.

    Returns:
        The hash, wherever the checkpoint lies; None where nothing is there on this machine's file systems.
    """
    path = Path(folder)
    if not path.exists():
        return None
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted(_files(path)):
        size = file.stat().st_size
        digest.update(f"{file.relative_to(path).as_posix()} {size}\n".encode())
        with file.open("rb") as data:
            data.seek(max(0, size - _SAMPLE_BYTES))
            digest.update(data.read())
    return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for part in _PARTS:
        yield from path.rglob(part)
