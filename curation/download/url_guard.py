"""The opener that urllib uses in a download worker: what it refuses, nothing in the process can fetch by urllib."""

import contextlib
import http.client
import io
import socket
import ssl
import string
import time
import urllib.request
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin
from urllib.response import addinfourl

from curation.download.body import read_body
from curation.download.connection import TIMED_OUT, Deadline, connect, tls_context
from curation.download.opt_out import opt_out
from curation.download.rejection import RejectedError
from curation.download.target import Target
from curation.reasons import Reason

MAX_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_GONE = {404, 410}
_TOO_MANY_REQUESTS = 429
_LOOPBACK = "127.255.255.254"


@dataclass(frozen=True, kw_only=True)
class FetchLimits:
    """What one request may take.

    Args:
        max_bytes: the most bytes of a body, as sent and as decoded.
        timeout: seconds for one socket operation.
        deadline: seconds for the whole request: every redirect, every retry and the waits between.
        retries: how often a request is repeated after 429, 5xx, a broken connection or a resolver out of order.
        backoff: seconds before the first repetition, doubled for each one after it.
    """

    max_bytes: int = 20_000_000
    timeout: float = 10.0
    deadline: float = 30.0
    retries: int = 2
    backoff: float = 0.5


class _TransientError(RejectedError):
    """A rejection that may not be one in a moment."""

    def __init__(self, reason: Reason, detail: str, wait: float | None = None) -> None:
        super().__init__(reason, detail)
        self.wait = wait


class GuardedOpener(urllib.request.OpenerDirector):
    """Fetches http and https URLs from public addresses, whole and within limits, and raises RejectedError otherwise.

    Proxies of the environment are not used: behind one the address connected to could not be checked.

    Args:
        limits: for every request.
        allow_hosts: host names and addresses, spelled as in the URL, that may have a private address.
        user_agent_token: our name, for X-Robots-Tag directives that are for one agent.
        honour_opt_out: whether X-Robots-Tag and tdm-reservation are obeyed.
    """

    def __init__(
        self,
        limits: FetchLimits,
        *,
        allow_hosts: Collection[str] = (),
        user_agent_token: str | None = None,
        honour_opt_out: bool = True,
    ) -> None:
        super().__init__()
        self._limits = limits
        self._allow_hosts = frozenset(host.lower().strip("[]") for host in allow_hosts)
        self._user_agent_token = user_agent_token
        self._honour_opt_out = honour_opt_out
        self._tls = tls_context()

    def open(self, fullurl: str | urllib.request.Request, data: Any = None, timeout: Any = None) -> addinfourl:
        """Fetch a URL; the body that is returned is in memory, whole.

        Args:
            fullurl: URL or request.
            data: must be None, there is only GET.
            timeout: seconds for one socket operation, where given instead of the limits' own.

        Raises:
            RejectedError: with the reason.
        """
        if data is not None:
            raise ValueError("the guarded opener sends no data: only GET is supported")
        request = urllib.request.Request(fullurl) if isinstance(fullurl, str) else fullurl
        step = timeout if isinstance(timeout, int | float) else self._limits.timeout
        deadline = Deadline.after(self._limits.deadline, step)
        attempt = 0
        while True:
            try:
                return self._follow(request.full_url, dict(request.header_items()), deadline)
            except _TransientError as error:
                wait = self._limits.backoff * 2**attempt if error.wait is None else error.wait
                if attempt >= self._limits.retries or wait >= deadline.remaining():
                    raise
                time.sleep(wait)
                attempt += 1

    def _follow(self, url: str, headers: dict[str, str], deadline: Deadline) -> addinfourl:
        for _ in range(MAX_REDIRECTS + 1):
            with _rejecting(), self._ask(Target.parse(url), headers, deadline) as response:
                location = response.headers.get("Location") if response.status in _REDIRECTS else None
                self._check(response.status, response.headers, redirected=location is not None)
                if location is None:
                    body = read_body(response, self._limits.max_bytes)
                    return addinfourl(io.BytesIO(body), response.headers, url, response.status)
                # http.client reads headers as Latin-1, so this quotes the very bytes that came
                url = urljoin(url, quote(location, safe=string.punctuation, encoding="latin-1"))
        raise RejectedError(Reason.TOO_MANY_REDIRECTS, f"more than {MAX_REDIRECTS} redirects")

    @contextlib.contextmanager
    def _ask(self, target: Target, headers: dict[str, str], deadline: Deadline) -> Iterator[http.client.HTTPResponse]:
        connection = (
            http.client.HTTPSConnection(target.host, target.port, context=self._tls)
            if target.tls
            else http.client.HTTPConnection(target.host, target.port)
        )
        with contextlib.closing(connection):
            connection.sock = connect(target, deadline, self._allow_hosts, self._tls)
            if target.authorization is not None:
                headers = {**headers, "Authorization": target.authorization}
            connection.request("GET", target.path, headers={**headers, "Connection": "close"})
            with connection.getresponse() as response:
                yield response

    def _check(self, status: int, headers: Message, *, redirected: bool) -> None:
        said = f"HTTP Error {status}: {http.client.responses.get(status, 'not a known status')}"
        if status in _GONE:
            raise RejectedError(Reason.NOT_FOUND, said)
        if status == _TOO_MANY_REQUESTS:
            raise _TransientError(Reason.HTTP_CLIENT, said, _retry_after(headers))
        if 400 <= status < 500:
            raise RejectedError(Reason.HTTP_CLIENT, said)
        if 500 <= status < 600:
            raise _TransientError(Reason.HTTP_SERVER, said, _retry_after(headers))
        if not 200 <= status < 300 and not redirected:
            raise RejectedError(Reason.DOWNLOAD_FAILED, said)
        forbidden = opt_out(headers, self._user_agent_token) if self._honour_opt_out else None
        if forbidden is not None:
            raise RejectedError(Reason.OPTED_OUT, forbidden)


def verify_guarded(allow_hosts: Collection[str] = ()) -> None:
    """Ask urllib, as it is installed in this process, for what it must refuse.

    Raises:
        RuntimeError: it did not refuse, or not for the right reason: another opener is installed.
    """
    host = next(host for host in (_LOOPBACK, "127.255.255.253", "[::1]") if host not in allow_hosts)
    forbidden = {
        Path(__file__).as_uri(): Reason.SCHEME,
        "data:,": Reason.SCHEME,
        f"http://{host}:9/": Reason.BLOCKED_ADDRESS,
    }
    for url, expected in forbidden.items():
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except RejectedError as error:
            if error.reason is expected:
                continue
        except OSError:
            pass  # refused by chance, not by the guard
        raise RuntimeError(f"urllib is not guarded: it did not refuse {url} as {expected}; call Download.setup first")


@contextlib.contextmanager
def _rejecting() -> Iterator[None]:
    """Give what the network raises its reason."""
    try:
        yield
    except TimeoutError as error:
        raise RejectedError(Reason.TIMEOUT, TIMED_OUT) from error
    except ssl.SSLError as error:
        raise RejectedError(Reason.TLS, str(error)) from error
    except socket.gaierror as error:
        kind = _TransientError if error.errno == socket.EAI_AGAIN else RejectedError
        raise kind(Reason.DNS, error.strerror or "no address") from error
    except http.client.IncompleteRead as error:
        raise RejectedError(Reason.TRUNCATED, "the chunked body ends early") from error
    except OSError as error:
        raise _TransientError(Reason.CONNECTION, error.strerror or str(error)) from error
    except http.client.HTTPException as error:
        raise RejectedError(Reason.DOWNLOAD_FAILED, f"{type(error).__name__}: {error}") from error
    except ValueError:
        # Of urljoin, which repeats the redirect's own parts, a password among them.
        raise RejectedError(Reason.DOWNLOAD_FAILED, "a redirect to what is no URL") from None


def _retry_after(headers: Message) -> float | None:
    """Seconds to wait, where the server says how long or until when (RFC 9110, section 10.2.3)."""
    value = str(headers.get("Retry-After", "")).strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
