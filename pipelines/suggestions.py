"""What a person may have meant by a name that does not exist."""

import difflib
from collections.abc import Iterable


def nearest(name: str, valid: Iterable[str]) -> str:
    """` (did you mean ...?)` for the valid name most like `name`, else the list of valid names."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else f" (valid: {', '.join(names)})"
