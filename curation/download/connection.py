"""Sockets to checked addresses, on which no operation outlives the deadline of the whole request."""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self, cast

from curation.download.addresses import Endpoint, resolve
from curation.download.rejection import RejectedError
from curation.download.target import Target
from curation.reasons import Reason

TIMED_OUT = "no whole answer in time"
"""Said of a timeout and of a deadline alike: which of the two comes first is chance."""


@dataclass(frozen=True)
class Deadline:
    """When a request must be over.

    Args:
        at: monotonic time, in seconds.
        step: the most seconds for one socket operation.
    """

    at: float
    step: float

    @classmethod
    def after(cls, seconds: float, step: float) -> Self:
        """The deadline `seconds` from now."""
        return cls(time.monotonic() + seconds, step)

    def remaining(self) -> float:
        """Seconds until then, negative once it has passed."""
        return self.at - time.monotonic()

    def timeout(self) -> float:
        """Seconds that the next socket operation may take.

        Raises:
            RejectedError: `timeout`, the deadline has passed.
        """
        remaining = self.remaining()
        if remaining <= 0:
            raise RejectedError(Reason.TIMEOUT, TIMED_OUT)
        return min(self.step, remaining)


class _TimedSocket(socket.socket):
    """A socket timeout starts anew with every byte; this one shrinks with the deadline, so a dripping server ends."""

    deadline: Deadline

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(self.deadline.timeout())
        return super().recv_into(*args, **kwargs)


class _TimedTLSSocket(_TimedSocket, ssl.SSLSocket):
    """The same over TLS."""


def tls_context() -> ssl.SSLContext:
    """Certificates and host names verified against the system's authorities."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = _TimedTLSSocket
    return context


def connect(target: Target, deadline: Deadline, allow_hosts: Collection[str], context: ssl.SSLContext) -> socket.socket:
    """Connect to an address of `target.host` that has been checked, and to no other.

    Args:
        target: where to.
        deadline: of the whole request.
        allow_hosts: hosts whose addresses are not checked.
        context: made by `tls_context`; the certificate must be for the host's name, not its address.

    Raises:
        RejectedError: `blocked_address` or `timeout`.
        OSError: no address, no connection, or no valid certificate.
    """
    failure: OSError = ConnectionError("no address to connect to")
    for family, address in _resolve_in_time(target, deadline, allow_hosts):
        try:
            return _open(family, address, target, deadline, context)
        except ssl.SSLError:
            raise  # another address would show the same certificate
        except OSError as error:
            failure = error
    raise failure


def _resolve_in_time(target: Target, deadline: Deadline, allow_hosts: Collection[str]) -> list[Endpoint]:
    """What `resolve` finds, by the deadline: the system's resolver takes no timeout, so it is left to a thread.

    The thread of one that does not answer ends when the resolver gives up by its own settings.
    """
    answers: queue.SimpleQueue[list[Endpoint] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve(target.host, target.port, allow_hosts))
        except (OSError, ValueError, RejectedError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.timeout())
    except queue.Empty:
        raise TimeoutError("the resolver did not answer in time") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _open(
    family: socket.AddressFamily,
    address: tuple[Any, ...],
    target: Target,
    deadline: Deadline,
    context: ssl.SSLContext,
) -> socket.socket:
    opened = _TimedSocket(family, socket.SOCK_STREAM)
    try:
        opened.settimeout(deadline.timeout())
        opened.connect(address)
        if target.tls:
            opened.settimeout(deadline.timeout())
            encrypted = context.wrap_socket(opened, server_hostname=target.host.rstrip("."))
            opened = cast(_TimedTLSSocket, encrypted)
        opened.deadline = deadline
        opened.settimeout(deadline.timeout())
    except (OSError, RejectedError):
        opened.close()
        raise
    return opened
