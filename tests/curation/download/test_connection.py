"""Connections: to checked addresses only, verified, and over by their deadline."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.download.connection import Deadline, connect, tls_context
from curation.download.rejection import RejectedError
from curation.download.target import Target
from curation.download.url_guard import FetchLimits, GuardedOpener
from curation.reasons import Reason, is_transient
from tests.curation.download.certificates import make_certificate
from tests.curation.download.server import Server, serving

ALLOWED = {"127.0.0.1", "images.test", "other.test"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"), "images.test")


@pytest.fixture
def named_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name is on loopback."""
    answer = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, port, **kwargs: answer("127.0.0.1", port, **kwargs))


@pytest.fixture
def silent_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No name is answered for while the test is on."""
    over = threading.Event()

    def answer(*_: object, **__: object) -> list[object]:
        over.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    yield
    over.set()


def dial(url: str, seconds: float = 5.0, allow_hosts: set[str] = ALLOWED) -> socket.socket:
    return connect(Target.parse(url), Deadline.after(seconds, 1.0), allow_hosts, tls_context())


def test_deadline_bounds_every_step() -> None:
    assert Deadline.after(100.0, 2.0).timeout() == 2.0
    assert 0 < Deadline.after(1.0, 2.0).timeout() <= 1.0
    with pytest.raises(RejectedError) as caught:
        Deadline.after(-1.0, 2.0).timeout()
    assert caught.value.reason is Reason.TIMEOUT


def test_connects_to_an_allowed_host(server: Server) -> None:
    with dial(server.url("/")) as connected:
        assert connected.getpeername() == ("127.0.0.1", server.port)


def test_a_blocked_host_is_not_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        with pytest.raises(RejectedError) as caught:
            dial(f"http://127.0.0.1:{listener.getsockname()[1]}/", allow_hosts=set())
        assert caught.value.reason is Reason.BLOCKED_ADDRESS
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_the_next_address_is_tried(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        ports = [unused.getsockname()[1], server.port]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with dial(server.url("/")) as connected:
        assert connected.getpeername()[1] == server.port
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found[:1])
    with pytest.raises(ConnectionRefusedError):
        dial(server.url("/"))


@pytest.mark.usefixtures("named_loopback")
def test_tls_is_verified_by_name_on_the_checked_address(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(certificate) as server, dial(server.url("/", "images.test", "https")) as connected:
        assert isinstance(connected, ssl.SSLSocket)
        assert connected.getpeername()[0] == "127.0.0.1"


@pytest.mark.usefixtures("named_loopback")
@pytest.mark.parametrize(("host", "trusted"), [("images.test", False), ("other.test", True)])
def test_a_certificate_that_is_not_valid_ends_it(
    host: str, trusted: bool, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(certificate) as server, pytest.raises(ssl.SSLCertVerificationError):
        dial(server.url("/", host, "https"))


def test_a_handshake_that_never_ends_is_cut() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(TimeoutError):
        dial(f"https://127.0.0.1:{listener.getsockname()[1]}/", seconds=0.2)


@pytest.mark.usefixtures("silent_resolver")
def test_a_resolver_that_does_not_answer_is_not_waited_for() -> None:
    """It would hold the request for a minute; what says that it did not is that this raises."""
    with pytest.raises(TimeoutError, match="resolver"):
        dial("http://images.test/", seconds=0.1)


@pytest.mark.usefixtures("silent_resolver")
def test_it_counts_as_a_timeout_which_a_repair_tries_again() -> None:
    opener = GuardedOpener(FetchLimits(timeout=0.1, deadline=0.3))
    with pytest.raises(RejectedError) as caught:
        opener.open("http://images.test/")
    assert caught.value.reason is Reason.TIMEOUT
    assert is_transient(caught.value.reason, caught.value.detail)


@pytest.mark.parametrize("error", [socket.gaierror(socket.EAI_NONAME, "no such name"), UnicodeError("label too long")])
def test_what_the_resolver_raises_is_raised(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(type(error)) as caught:
        dial("http://images.test/")
    assert caught.value is error
