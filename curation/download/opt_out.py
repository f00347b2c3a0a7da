"""Whether an answer's headers forbid using the image for training.

X-Robots-Tag as search engines document it (a directive, or `agent: directive`, in a list), with the directives
against machine learning that sites have added to it; and the TDM Reservation Protocol of the W3C community group.
"""

import re
from email.message import Message

_FORBIDDEN = {"noai", "noimageai", "noindex", "noimageindex", "noml", "none"}
_VALUED = {"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"}
_TOKEN = re.compile(r"[,;]|[^\s,;:\"']+(?:\s*:)?")
_SEPARATORS = {",", ";"}
_ALWAYS_OURS = {"*", "img2dataset"}
"""Everyone, and the library that does the asking: a site that forbids it by name means this very use."""


def opt_out(headers: Message, user_agent_token: str | None) -> str | None:
    """The header that forbids the use, or None.

    Args:
        headers: of the answer.
        user_agent_token: our name; a directive for another agent does not bind us.
    """
    for value in headers.get_all("tdm-reservation", []):
        if "1" in (part.strip() for part in str(value).split(",")):  # two headers may come joined into one
            return "tdm-reservation: 1"
    ours = _ALWAYS_OURS | {(user_agent_token or "*").strip().lower()}
    for value in headers.get_all("X-Robots-Tag", []):
        directive = _forbidden(str(value), ours)
        if directive is not None:
            return f"X-Robots-Tag: {directive}"
    return None


def _forbidden(value: str, ours: set[str]) -> str | None:
    binding, is_value = True, False
    for token in (match[0] for match in _TOKEN.finditer(value.lower())):
        name = token.removesuffix(":").rstrip()
        if is_value or token in _SEPARATORS:
            is_value = False
        elif token == name:
            if binding and name in _FORBIDDEN:
                return name
        elif name in _VALUED:
            is_value = True
        elif not name[0].isdigit():  # a digit: the rest of the time in an unavailable_after
            binding = name in ours
    return None
