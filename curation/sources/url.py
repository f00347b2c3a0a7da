"""One spelling for URLs that name the same resource, so that equal resources get equal sample ids."""

import ipaddress
import re
from urllib.parse import quote

_MAX_HOST = 253
_NAME = r"[a-z0-9_-]+(\.[a-z0-9_-]+)*"
_PLAIN = re.compile(rf"https?://(?=[^/]{{1,{_MAX_HOST}}}/){_NAME}/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
"""What most URLs of the wild look like, and what no rule below would change."""

_PARTS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?://(?P<authority>[^/?#]*))?(?P<rest>[^#]*)")
_AUTHORITY = re.compile(r"(?:(?P<user>.*)@)?(?P<host>\[[0-9A-Fa-f:.]*\]|[^:\[\]@]*)(?::(?P<port>[0-9]*))?")
_HOST = re.compile(rf"{_NAME}\.?")
_CONTROLS = "".join(map(chr, range(0x21)))  # and the space
_INNER_BREAKS = str.maketrans("", "", "\t\r\n")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SAFE = "!$&'()*+,;=:@%/?[]"
_MAX_PORT = 65_535


def normalise_url(url: str) -> str:
    """The one spelling of `url` that stands for all equal ones.

    Scheme and host in lower case, the host in IDNA, no default port, no fragment, `/` for an empty path; space and
    whatever is not printable ASCII percent-encoded (RFC 3986, section 6.2). Path, query and escapes that are there
    already keep their spelling, since servers tell them apart. Applying it twice changes nothing.
    A scheme other than http(s) keeps all but its case: whether it is fetched is for the downloader to say.

    Raises:
        ValueError: `url` is empty or is not an absolute URL with a host.
    """
    if _PLAIN.fullmatch(url):
        return url
    parts = _PARTS.match(url.strip(_CONTROLS).translate(_INNER_BREAKS))
    if parts is None:
        raise ValueError(f"{url[:80]!r}: expected an absolute URL such as https://host/path")
    scheme, authority, rest = parts["scheme"].lower(), parts["authority"], quote(parts["rest"], safe=_SAFE)
    if scheme not in _DEFAULT_PORTS:
        return f"{scheme}:{rest}" if authority is None else f"{scheme}://{quote(authority, safe=_SAFE)}{rest}"
    path = rest if rest.startswith("/") else f"/{rest}"
    return f"{scheme}://{_authority(authority or '', scheme)}{path}"


def _authority(authority: str, scheme: str) -> str:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise ValueError(f"{authority[:80]!r}: expected host or host:port")
    user = "" if parts["user"] is None else f"{quote(parts['user'], safe=_SAFE)}@"
    port = int(parts["port"] or _DEFAULT_PORTS[scheme])
    if port > _MAX_PORT:
        raise ValueError(f"port {port}: expected at most {_MAX_PORT}")
    return f"{user}{_host(parts['host'])}" + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")


def _host(host: str) -> str:
    if host.startswith("["):
        return f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]"
    if len(host) > _MAX_HOST:  # before IDNA, which takes its time over a long name
        raise ValueError(f"a host of {len(host)} characters: expected at most {_MAX_HOST}")
    name = host.lower() if host.isascii() else host.encode("idna").decode()
    if not _HOST.fullmatch(name):
        raise ValueError(f"{host!r}: not the name of a host")
    return name
