"""Connections: to checked addresses only, verified, and over by their deadline."""

import socket
import ssl
from pathlib import Path

import pytest

from curation.download.connection import Deadline, connect, tls_context
from curation.download.rejection import RejectedError
from curation.download.target import Target
from curation.reasons import Reason
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
