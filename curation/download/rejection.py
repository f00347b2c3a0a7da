"""The one error that ends a URL or an image, and how it travels through img2dataset, which keeps only its text."""

import re

from curation.reasons import Reason

_URL = re.compile(r"[a-z][a-z0-9+.\-]*://[^\s'\"<>]+", re.IGNORECASE)
_USERINFO = re.compile(r"^((?:[a-z][a-z0-9+.\-]*:)?//)?[^/?#\s]*@", re.IGNORECASE)
_PARAMETER = re.compile(r"([?&;]([^=&;#\s]+)=)[^&;#\s]*")
_SECRET = re.compile(
    r"signature|token|credential|password|passwd|secret|policy|^(sig|pwd|auth|authorization|key)$|api-?_?key",
    re.IGNORECASE,
)
_HIDDEN = "***"


class RejectedError(Exception):
    """A URL or an image goes no further.

    Args:
        reason: the code that is counted.
        detail: what happened, for a person; the same for the same answer of the network.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"

    @classmethod
    def parse(cls, message: str) -> "RejectedError":
        """Read back `str(error)`; a text from elsewhere is `download_failed`, or `bad_url` where urllib says so."""
        code, colon, detail = message.partition(": ")
        if colon and code in set(Reason):
            return cls(Reason(code), redact_message(detail))
        if message.startswith("unknown url type"):
            return cls(Reason.BAD_URL, "no scheme in the URL")
        return cls(Reason.DOWNLOAD_FAILED, redact_message(message))


def redact_url(url: str) -> str:
    """`url` without user, password and the values of parameters that are named like credentials."""
    return _PARAMETER.sub(lambda match: _hide(match) if _SECRET.search(match[2]) else match[0], _hide_user(url))


def redact_message(text: str) -> str:
    """`text` with user, password and every query value hidden in every URL in it."""
    return _URL.sub(lambda match: _PARAMETER.sub(_hide, _hide_user(match[0])), text)


def _hide_user(url: str) -> str:
    return _USERINFO.sub(rf"\g<1>{_HIDDEN}@", url)


def _hide(match: re.Match[str]) -> str:
    return match[1] + _HIDDEN
