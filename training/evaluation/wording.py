"""Lists of names in one line of a message."""

from collections.abc import Sequence

_NAMED = 10
_LONGEST = 60


def named(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def shortened(text: str) -> str:
    """`text`, or its start and an ellipsis."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
