"""Which weights a folder holds: a short hash to write beside what they made."""

import hashlib
from functools import cache
from pathlib import Path

_SAMPLE_BYTES = 1 << 20


@cache
def folder_revision(folder: str) -> str | None:
    """64 bits, as 16 hex digits, of a hash of a checkpoint's config.json and weights; None where there is no folder.

    Of each safetensors file only the size and the last MiB count, so that 35 GB are not read twice to be named: enough
    to tell one checkpoint from another, no proof that two are equal.
    """
    path = Path(folder)
    if not path.is_dir():
        return None
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted([*path.glob("config.json"), *path.glob("*.safetensors")]):
        size = file.stat().st_size
        digest.update(f"{file.name} {size}\n".encode())
        with file.open("rb") as data:
            data.seek(max(0, size - _SAMPLE_BYTES))
            digest.update(data.read())
    return digest.hexdigest()
