"""Files of a remote training set, kept on this machine while they are read."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from curation import storage

GIB = 1 << 30
LOCK = ".lock"


@dataclass(frozen=True, kw_only=True)
class LocalCopies:
    """A folder with whole copies of remote files, shared by all processes of a machine and bounded in size.

    A shard is read by hundreds of samples' worth of steps, so one request for all of it beats one for every sample.
    What is on this machine already is not copied.

    Args:
        folder: where the copies are; made if need be. One in the system's temporary folder without.
        gib: how much may be there; the copies used longest ago are deleted first. A file that another process has
            mapped stays readable for it after that.
    """

    folder: str = f"{tempfile.gettempdir()}/ella-copies-{os.getuid()}"
    gib: float = 64.0

    def local(self, path: str) -> Path:
        """A file on this machine with the content of `path`.

        Raises:
            OSError: it cannot be read, or there is no room for it.
        """
        here = storage.local_path(path)
        if here is not None:
            return here
        size = storage.size(path)
        identity = hashlib.blake2b(f"{path} {size}".encode(), digest_size=8).hexdigest()
        copy = Path(self.folder) / f"{identity}-{path.rpartition('/')[2]}"
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(_lock(copy)):  # the workers of a machine want the same file at the same time
            if copy.exists():
                os.utime(copy)
                return copy
            self._make_room(size)
            with storage.open_read(path) as remote, storage.atomic_writer(str(copy)) as file:
                shutil.copyfileobj(remote, file, 1 << 22)
        return copy

    def _make_room(self, size: int) -> None:
        with _alone(Path(self.folder) / f"room{LOCK}"):
            copies = [(path.stat(), path) for path in Path(self.folder).iterdir() if _is_copy(path)]
            total = sum(stat.st_size for stat, _ in copies) + size
            for stat, path in sorted(copies, key=lambda copy: copy[0].st_mtime):
                if total <= self.gib * GIB:
                    return
                with suppress(BlockingIOError), _alone(_lock(path), wait=False):
                    path.unlink(missing_ok=True)
                    total -= stat.st_size


def _lock(copy: Path) -> Path:
    return copy.with_name(f"{copy.name}{LOCK}")


def _is_copy(path: Path) -> bool:
    return path.suffix != LOCK and not path.name.startswith(storage.TEMPORARY)


@contextmanager
def _alone(lock: Path, *, wait: bool = True) -> Iterator[None]:
    """Wait until no other process is in the block with the same lock; a process that dies lets go of it.

    Raises:
        BlockingIOError: another one is, and there is to be no waiting.
    """
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
