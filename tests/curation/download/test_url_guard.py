"""The opener against a server that misbehaves, and against addresses that it must never touch."""

import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.download.connection import _TimedSocket
from curation.download.rejection import RejectedError
from curation.download.url_guard import FetchLimits, GuardedOpener, verify_guarded
from curation.reasons import Reason
from tests.curation.download.certificates import make_certificate
from tests.curation.download.server import PNG, Server, serving

LIMITS = FetchLimits(max_bytes=100_000, timeout=10.0, deadline=10.0, retries=2, backoff=0.01)
HASTY = FetchLimits(timeout=0.3, deadline=0.8)


def opener(limits: FetchLimits = LIMITS, **settings: object) -> GuardedOpener:
    return GuardedOpener(limits, **{"allow_hosts": ["127.0.0.1"], **settings})


def reason(url: str, guard: GuardedOpener | None = None) -> Reason:
    with pytest.raises(RejectedError) as caught:
        (guard or opener()).open(url)
    return caught.value.reason


@pytest.mark.parametrize(
    "path",
    [
        *["/image/", "/chunked/whole", "/gzip/whole", "/hops/5", "/image/ü b|\x00.png?seed=0&ü=ä#top"],
        *["/status/503?times=2", "/status/429?times=1&after=0", "/reset?times=2"],
        "/status/503?times=1&after=Fri,%2031%20Dec%201999%2023:59:59%20GMT",
        *["/header/?name=X-Robots-Tag&value=nofollow", "/header/?name=X-Robots-Tag&value=otherbot:%20noai"],
    ],
)
def test_fetched(server: Server, path: str) -> None:
    with opener().open(server.url(path)) as answer:
        assert answer.status == 200
        assert answer.read() == PNG


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/status/404", Reason.NOT_FOUND),
        ("/status/410", Reason.NOT_FOUND),
        ("/status/403", Reason.HTTP_CLIENT),
        ("/status/304", Reason.DOWNLOAD_FAILED),
        ("/status/302", Reason.DOWNLOAD_FAILED),
        ("/status/429?after=0&n=1", Reason.HTTP_CLIENT),
        ("/status/500?n=1", Reason.HTTP_SERVER),
        ("/hops/6", Reason.TOO_MANY_REDIRECTS),
        ("/redirect?to=file:///etc/passwd", Reason.SCHEME),
        ("/redirect?to=http://a..b/", Reason.BAD_URL),
        ("/short", Reason.TRUNCATED),
        ("/chunked/cut", Reason.TRUNCATED),
        ("/gzip/cut", Reason.TRUNCATED),
        ("/gzip/bomb", Reason.TOO_LARGE),
        ("/gzip/lie", Reason.DOWNLOAD_FAILED),
        ("/large", Reason.TOO_LARGE),
        ("/endless", Reason.TOO_LARGE),
        ("/reset", Reason.CONNECTION),
        ("/garbage", Reason.DOWNLOAD_FAILED),
        ("/header/?name=X-Robots-Tag&value=max-image-preview:large,%20noai", Reason.OPTED_OUT),
        ("/header/?name=tdm-reservation&value=1", Reason.OPTED_OUT),
    ],
)
def test_rejected(server: Server, path: str, expected: Reason) -> None:
    assert reason(server.url(path)) is expected


@pytest.mark.parametrize(
    ("path", "asked"), [("/status/404?n=2", 1), ("/status/403?n=2", 1), ("/status/500?n=2", 3), ("/reset?n=2", 3)]
)
def test_only_the_transient_is_retried(server: Server, path: str, asked: int) -> None:
    reason(server.url(path))
    assert server.requests[path] == asked


@pytest.mark.parametrize("after", ["3600", "Thu,%2031%20Dec%202099%2023:59:59%20GMT"])
def test_a_wait_beyond_the_deadline_is_not_waited_for(server: Server, after: str) -> None:
    path = f"/status/429?after={after}"
    assert reason(server.url(path)) is Reason.HTTP_CLIENT
    assert server.requests[path] == 1


@pytest.mark.parametrize("path", ["/drip/headers", "/drip/body", "/silent"])
def test_a_slow_server_is_cut_and_not_asked_again(server: Server, path: str) -> None:
    assert reason(server.url(path), opener(HASTY)) is Reason.TIMEOUT
    assert server.requests[path] == 1


def test_a_drip_ends_by_the_deadline_and_not_by_its_own_end(server: Server) -> None:
    """By itself the body lasts for ten seconds, with no pause that a socket timeout would notice."""
    ended = threading.Event()

    def fetch() -> None:
        reason(server.url("/drip/body?n=2"), opener(HASTY))
        ended.set()

    thread = threading.Thread(target=fetch)
    thread.start()
    assert ended.wait(8.0)
    thread.join()


def test_closed_ports_and_unknown_names(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert reason(f"http://127.0.0.1:{unused.getsockname()[1]}/") is Reason.CONNECTION
    asked = []

    def resolver(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_AGAIN if host == "again.test" else socket.EAI_NONAME, "no")

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    assert reason("http://again.test/") is Reason.DNS
    assert reason("http://never.test/") is Reason.DNS
    assert asked == ["again.test"] * 3 + ["never.test"]


def test_what_is_sent(server: Server) -> None:
    request = urllib.request.Request(server.url("/image/?sent"), headers={"User-Agent": "Mozilla (compatible; ella)"})
    opener().open(request).close()
    sent = server.headers["/image/?sent"]
    assert sent["User-agent"] == "Mozilla (compatible; ella)"
    assert sent["Host"] == f"127.0.0.1:{server.port}"
    with pytest.raises(ValueError, match="only GET"):
        opener().open(request, data=b"x")


def test_password_in_the_url_is_sent_and_forgotten_on_another_host(server: Server, canary: Server) -> None:
    with opener().open(server.url("/password", "user:p%40ss@127.0.0.1")) as answer:
        assert answer.status == 200
    redirected = f"/redirect?to={canary.url('/image/')}"
    opener().open(server.url(redirected, "user:p%40ss@127.0.0.1")).close()
    assert "Authorization" not in canary.headers["/image/"]


def test_opt_out_can_be_left_to_others(server: Server) -> None:
    url = server.url("/header/?name=X-Robots-Tag&value=otherbot:noai")
    assert reason(url, opener(user_agent_token="OtherBot")) is Reason.OPTED_OUT
    opener(user_agent_token="OtherBot", honour_opt_out=False).open(url).close()


def test_a_redirect_to_what_is_no_url_is_not_repeated(server: Server) -> None:
    with pytest.raises(RejectedError) as caught:
        opener().open(server.url("/redirect?to=http://me:pass@[::1/"))
    assert caught.value.reason is Reason.DOWNLOAD_FAILED
    assert "pass" not in str(caught.value)


def test_proxies_of_the_environment_are_ignored(
    server: Server, canary: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", canary.url(""))
    opener().open(server.url("/image/")).close()
    assert not canary.requests


HOSTS = [
    *["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0", "127.1", "user@127.0.0.1"],
    *["017700000001", "0x7f000001", "[::ffff:7f00:1]", "[2002:7f00:1::]", "[::]"],
    *["[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[::127.0.0.1]", "①②⑦.0.0.1", "127。0。0。1"],
]


@pytest.mark.parametrize("host", HOSTS)
def test_a_private_address_is_never_asked(canary: Server, host: str) -> None:
    assert reason(canary.url("/image/", host), opener(allow_hosts=[])) is Reason.BLOCKED_ADDRESS
    assert not canary.requests


@pytest.mark.parametrize("host", ["LOCALHOST.", "127.0.0.1.", "%31%32%37.0.0.1", "127.0.0.1%00.example.com"])
def test_a_spelling_that_not_every_resolver_knows_is_refused_for_one_reason_or_another(
    canary: Server, host: str
) -> None:
    assert reason(canary.url("/image/", host), opener(allow_hosts=[])) in {Reason.BLOCKED_ADDRESS, Reason.DNS}
    assert not canary.requests


ALSO_NOT_THE_ALLOWED = [host for host in HOSTS if "127.0.0.1" not in host and host.isascii()] + ["[::ffff:127.0.0.1]"]


@pytest.mark.parametrize("host", ALSO_NOT_THE_ALLOWED)
def test_a_private_address_is_not_asked_after_a_redirect(server: Server, canary: Server, host: str) -> None:
    assert reason(server.url(f"/redirect?to={canary.url('/image/', host)}")) is Reason.BLOCKED_ADDRESS
    assert not canary.requests


def test_loopback_over_ipv6_is_never_asked() -> None:
    try:
        with serving(family=socket.AF_INET6) as canary:
            assert reason(canary.url("/image/", "[::1]")) is Reason.BLOCKED_ADDRESS
            assert not canary.requests
    except OSError:
        pytest.skip("no IPv6 on this machine")


def test_a_rebinding_resolver_gains_nothing(canary: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is public when asked for the first time and on loopback the next: only the checked one is used."""
    answers = _alternating("8.8.8.8", "127.0.0.1")
    connected = []

    def resolver(_: str, port: int, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def refuse(_: socket.socket, address: tuple[str, int]) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError("the network is not for tests")

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    monkeypatch.setattr(_TimedSocket, "connect", refuse)
    guard = opener(FetchLimits(retries=0))
    reasons = [reason(canary.url("/image/", "rebinding.test"), guard) for _ in range(4)]
    assert reasons == [Reason.CONNECTION, Reason.BLOCKED_ADDRESS] * 2
    assert connected == ["8.8.8.8"] * 2
    assert not canary.requests


def _alternating(*addresses: str) -> Iterator[str]:
    while True:
        yield from addresses


def test_an_allowed_host_is_one_in_any_case_and_with_brackets(server: Server) -> None:
    with opener(allow_hosts=["LocalHost"]).open(server.url("/image/", "LOCALHOST")) as answer:
        assert answer.read() == PNG
    guard = opener(allow_hosts=["[::ffff:127.0.0.1]"])
    assert reason(server.url("/status/404?mapped", "[::ffff:127.0.0.1]"), guard) in {
        Reason.NOT_FOUND,
        Reason.CONNECTION,
    }


@pytest.mark.parametrize("url", [Path(__file__).as_uri(), "data:,x", "ftp://127.0.0.1/"])
def test_other_schemes_are_refused(url: str) -> None:
    assert reason(url) is Reason.SCHEME


CERTIFICATES = {
    "self-signed": (False, "images.test"),
    "wrong-name": (False, "other.test"),
    "expired": (True, "images.test"),
}


@pytest.mark.parametrize("fault", CERTIFICATES)
def test_a_certificate_that_is_not_valid_ends_it(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expired, host = CERTIFICATES[fault]
    certificate = make_certificate(tmp_path, "images.test", expired=expired)
    if fault != "self-signed":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    answer = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, port, **kwargs: answer("127.0.0.1", port, **kwargs))
    with serving(certificate) as server:
        assert reason(server.url("/image/", host, "https"), opener(allow_hosts=[host])) is Reason.TLS
        assert not server.requests


def test_verify_guarded_tells_a_guarded_process_from_another() -> None:
    with pytest.raises(RuntimeError, match="urllib is not guarded"):
        verify_guarded()
    urllib.request.install_opener(opener())
    verify_guarded(["127.0.0.1"])
    urllib.request.install_opener(opener(allow_hosts=["127.255.255.254"]))
    with pytest.raises(RuntimeError, match="did not refuse http://127"):
        verify_guarded()
    verify_guarded(["127.255.255.254"])


def test_urllib_uses_what_is_installed(server: Server) -> None:
    urllib.request.install_opener(opener())
    with urllib.request.urlopen(server.url("/image/"), timeout=5.0) as answer:
        assert answer.read() == PNG
    with pytest.raises(RejectedError, match="not_found: HTTP Error 404: Not Found"):
        urllib.request.urlopen(server.url("/status/404"))
