"""One run at a time in a folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from curation import storage
from pipelines.errors import UsageError


@contextmanager
def exclusive(folder: str) -> Iterator[None]:
    """Hold `folder` for the length of the block; the system lets go of it however the process ends.

    Only local folders are held: object stores have no locks, and two runs there write the same bytes twice.

    Raises:
        UsageError: another run holds it.
    """
    here = storage.local_path(folder)
    if here is None:
        yield
        return
    here.mkdir(parents=True, exist_ok=True)
    with (here / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"{folder}: another run is working here; wait for it, stop it, or use another folder"
            ) from error
        yield
