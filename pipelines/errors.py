"""The error that means: the command or its configuration is wrong, and nothing was done."""

from collections.abc import Iterator
from contextlib import contextmanager


class UsageError(ValueError):
    """Nothing was done; the message is one line that says what to change."""


@contextmanager
def refusing() -> Iterator[None]:
    """Make a UsageError of what goes wrong in the block, which only looks and does nothing.

    Raises:
        UsageError: with the message of the ValueError or OSError that was raised.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        raise UsageError(" ".join(str(error).split())) from error  # some libraries explain themselves over many lines
