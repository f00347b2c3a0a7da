"""Alt-text as it was crawled, made safe to write: valid UTF-8, no control characters, of bounded length."""

import re

MAX_CHARACTERS = 4096

_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters, but for tab and newlines
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\ufeff\ufffe\uffff\ud800-\udfff]"  # byte order marks, non-characters, surrogates
)


def clean_alt_text(raw: bytes | str | None) -> str | None:
    """`raw` as text that any reader takes, cut after `MAX_CHARACTERS`; None stays None."""
    if raw is None:
        return None
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return _UNWANTED.sub("", text)[:MAX_CHARACTERS].strip()
