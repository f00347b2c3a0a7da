"""The miniature web, asked over real sockets."""

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipelines.miniature.server import HOST, PORTS, free_port, serve

PICTURE = bytes(range(256)) * 8


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(PICTURE)
    (folder / "b.webp").write_bytes(b"webp")
    (tmp_path / "secret.jpg").write_bytes(b"not for the web")
    return folder


@pytest.fixture
def base(images: Path) -> Iterator[str]:
    with serve(images, free_port(seed=11)) as url:
        yield url


def _ask(base: str, path: str, timeout: float = 5) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=timeout)
    connection.request("GET", path)
    return connection.getresponse()


def test_a_picture_is_served_with_its_type(base: str) -> None:
    answer = _ask(base, "/images/a.jpg")
    assert (answer.status, answer.headers["Content-Type"], answer.read()) == (200, "image/jpeg", PICTURE)
    assert "X-Robots-Tag" not in answer.headers
    assert _ask(base, "/images/b.webp").headers["Content-Type"] == "image/webp"


@pytest.mark.parametrize(("route", "status"), [("missing", 404), ("gone", 410), ("broken", 500)])
def test_routes_that_fail(base: str, route: str, status: int) -> None:
    assert _ask(base, f"/{route}/a.jpg").status == status


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/images",
        "/images/",
        "/images/none.jpg",
        "/other/a.jpg",
        "/images/../secret.jpg",
        "/images/%2e%2e/secret.jpg",
    ],
)
def test_nothing_else_is_served(base: str, path: str) -> None:
    assert _ask(base, path).status == 404


def test_a_page_says_that_it_is_a_picture(base: str) -> None:
    answer = _ask(base, "/page/a.jpg")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert answer.read().startswith(b"<!doctype html>")


def test_a_cut_file_is_announced_as_cut_and_a_short_body_is_not(base: str) -> None:
    cut = _ask(base, "/cut/a.jpg")
    assert int(cut.headers["Content-Length"]) == len(PICTURE) // 2
    assert cut.read() == PICTURE[: len(PICTURE) // 2]
    short = _ask(base, "/short/a.jpg")
    assert int(short.headers["Content-Length"]) == len(PICTURE)
    with pytest.raises(http.client.IncompleteRead) as raised:
        short.read()
    assert raised.value.partial == PICTURE[: len(PICTURE) // 2]


def test_a_moved_picture_is_where_the_redirect_says(base: str) -> None:
    answer = _ask(base, "/moved/a.jpg")
    assert answer.status == 302
    assert _ask(base, answer.headers["Location"]).read() == PICTURE


def test_an_opt_out_is_in_the_headers(base: str) -> None:
    answer = _ask(base, "/opt-out/a.jpg")
    assert (answer.headers["X-Robots-Tag"], answer.read()) == ("noai", PICTURE)


def test_a_slow_answer_drips_until_the_server_stops_and_others_do_not_wait(images: Path) -> None:
    with serve(images, free_port(seed=12)) as base:
        slow = _ask(base, "/slow/a.jpg")
        assert slow.read(1) == PICTURE[:1]
        assert _ask(base, "/images/a.jpg").read() == PICTURE
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        slow.read()


def test_a_client_that_hangs_up_leaves_no_trace(base: str, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        with socket.create_connection((HOST, int(base.rpartition(":")[2]))) as client:
            client.sendall(b"GET /slow/a.jpg HTTP/1.0\r\n\r\n")
    assert _ask(base, "/images/a.jpg").status == 200
    assert capfd.readouterr().err == ""


def test_a_taken_port_is_one_clear_error(images: Path, base: str) -> None:
    port = int(base.rpartition(":")[2])
    with (
        pytest.raises(ValueError, match=rf"port {port} on 127\.0\.0\.1.* is taken .*: stop the program"),
        serve(images, port),
    ):
        pass


def test_it_is_back_at_once_after_a_kill(images: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from pipelines.miniature.server import serve\n"
        "with serve(Path(sys.argv[1]), int(sys.argv[2])) as url: print(url, flush=True); time.sleep(60)"
    )
    port = free_port(seed=13)
    with subprocess.Popen([sys.executable, "-c", program, str(images), str(port)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        base = process.stdout.readline().decode().strip()
        open_connection = _ask(base, "/slow/a.jpg")
        assert _ask(base, "/images/a.jpg").read() == PICTURE
        process.send_signal(signal.SIGKILL)
    with serve(images, port) as again:
        assert again == base
        assert _ask(again, "/images/a.jpg").read() == PICTURE
    open_connection.close()


def test_a_free_port_is_below_the_outgoing_ones_and_passes_over_a_taken_one() -> None:
    first = free_port(seed=14)
    assert first in PORTS
    assert PORTS.stop <= 32768
    with socket.socket() as taken:
        taken.bind((HOST, first))
        taken.listen()
        assert free_port(seed=14) != first
    assert free_port(seed=14) == first
