"""A URL taken apart once, so that what is checked, connected to and asked for cannot differ."""

import base64
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote_to_bytes, urlsplit

from curation.download.rejection import RejectedError
from curation.reasons import Reason

_PORTS = {"http": 80, "https": 443}
_SAFE = "!$%&'()*+,/:;=?@[]~"
"""Punctuation that stays as it is in a path or query: `%` too, since most URLs come quoted already."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where to connect and what to ask for.

    Args:
        tls: whether the scheme is https.
        host: ASCII name or address, lower case, IPv6 without brackets.
        port: TCP port.
        path: quoted path and query.
        authorization: value of the Authorization header for `user:password@` in the URL.
    """

    tls: bool
    host: str
    port: int
    path: str
    authorization: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Take `url` apart; spaces and non-ASCII characters are quoted, a non-ASCII host name becomes punycode.

        Raises:
            RejectedError: `scheme` or `bad_url`.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            ascii_host = (host or "").encode("idna").decode()
        except ValueError:
            # What urllib says repeats the URL's own parts, a password among them.
            raise RejectedError(Reason.BAD_URL, "the host or the port is none") from None
        if parts.scheme not in _PORTS:
            raise RejectedError(Reason.SCHEME, f"{parts.scheme[:20]!r} is neither http nor https")
        if not ascii_host or not ascii_host.isprintable() or " " in ascii_host:
            raise RejectedError(Reason.BAD_URL, "no host in the URL")
        path = quote(parts.path or "/", safe=_SAFE)
        if parts.query:
            path += "?" + quote(parts.query, safe=_SAFE)
        return cls(
            tls=parts.scheme == "https",
            host=ascii_host.lower(),
            port=_PORTS[parts.scheme] if port is None else port,
            path=path,
            authorization=_basic(parts.username, parts.password),
        )


def _basic(username: str | None, password: str | None) -> str | None:
    if username is None:
        return None
    pair = unquote_to_bytes(username) + b":" + unquote_to_bytes(password or "")
    return "Basic " + base64.b64encode(pair).decode()
