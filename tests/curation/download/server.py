"""A web server on loopback that misbehaves on request: every route has one fault, and every request is recorded."""

import gzip
import io
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from PIL import Image

from tests.curation.download.poison import poison

DRIP_SECONDS = 0.05
MAX_DRIPS = 200
CREDENTIALS = "Basic dXNlcjpwQHNz"  # user:p@ss


def png(width: int = 96, height: int = 64, seed: int = 0) -> bytes:
    """A small image that differs by seed."""
    encoded = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).rotate(seed).convert("RGB").save(encoded, "PNG")
    return encoded.getvalue()


PNG = png()


class Handler(BaseHTTPRequestHandler):
    """Answers `/name` with the method `name`; `/image/...` with an image."""

    server: "Server"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        name, _, self.rest = parts.path[1:].partition("/")
        self.query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        with self.server.lock:
            self.server.requests[self.path] += 1
            self.count = self.server.requests[self.path]
            self.server.headers[self.path] = dict(self.headers)
        with suppress(OSError):  # the client has had enough
            getattr(self, f"on_{name}")()

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, body: bytes = PNG, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def on_image(self) -> None:
        self.answer(png(seed=int(self.query.get("seed", 0))), Content_Type="image/png")

    def on_file(self) -> None:
        """`/file/NAME`: what the test has put under that name into the server's `files`."""
        self.answer(self.server.files[self.rest])

    def on_poison(self) -> None:
        self.answer(poison(seed=int(self.query.get("seed", 0))), Content_Type="image/bmp")

    def on_status(self) -> None:
        """`/status/404`; with `?times=2` only that often, and then an image."""
        if self.count > int(self.query.get("times", 1 << 30)):
            return self.answer()
        headers = {"Retry-After": self.query["after"]} if "after" in self.query else {}
        return self.answer(b"no", int(self.rest), **headers)

    def on_body(self) -> None:
        self.answer({"empty": b"", "html": b"<html></html>", "svg": b"<svg xmlns='...'/>"}[self.rest])

    def on_header(self) -> None:
        """`/header/?name=X-Robots-Tag&value=noai`."""
        self.answer(PNG, **{self.query["name"]: self.query["value"]})

    def on_headers(self) -> None:
        """`/headers/?of=image&X-Robots-Tag=noai&...`: any headers, also one several times."""
        self.send_response(200)
        for name, value in parse_qsl(urlsplit(self.path).query, keep_blank_values=True)[1:]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(PNG)

    def on_redirect(self) -> None:
        self.answer(b"", 302, Location=self.query["to"])

    def on_hops(self) -> None:
        """`/hops/3`: three redirects, and then an image."""
        left = int(self.rest)
        return self.answer(b"", 302, Location=f"{left - 1}") if left else self.answer()

    def on_password(self) -> None:
        self.answer(status=200 if self.headers["Authorization"] == CREDENTIALS else 401)

    def on_short(self) -> None:
        self.answer(PNG[:20], Content_Length=str(len(PNG)))

    def on_chunked(self) -> None:
        """`/chunked/whole`, or `/chunked/cut` in the middle of a chunk."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        length = len(PNG) if self.rest == "whole" else len(PNG) + 10
        self.wfile.write(f"{length:x}\r\n".encode() + PNG)
        if self.rest == "whole":
            self.wfile.write(b"\r\n0\r\n\r\n")

    def on_gzip(self) -> None:
        whole = gzip.compress(PNG)
        bodies = {"whole": whole, "cut": whole[:-30], "lie": PNG, "bomb": gzip.compress(bytes(3_000_000))}
        self.answer(bodies[self.rest], Content_Encoding="gzip")

    def on_large(self) -> None:
        self.answer(bytes(200_000))

    def on_endless(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            self.wfile.write(bytes(4096))

    def on_drip(self) -> None:
        """`/drip/body` or `/drip/headers`, a byte at a time, each well within a socket timeout."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        if self.rest == "body":
            self.wfile.write(b"no\r\n\r\n")
        for _ in range(MAX_DRIPS):
            self.wfile.write(b"x")
            time.sleep(DRIP_SECONDS)

    def on_silent(self) -> None:
        self.server.stop.wait(5)

    def on_reset(self) -> None:
        """Break the connection, with `?times=1` only that often."""
        if self.count > int(self.query.get("times", 1 << 30)):
            return self.answer()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        return None

    def on_garbage(self) -> None:
        self.wfile.write(b"this is not HTTP\r\n\r\n")


class Server(ThreadingHTTPServer):
    """The server and what it was asked."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.address_family = family
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.requests: Counter[str] = Counter()
        self.headers: dict[str, dict[str, str]] = {}
        self.files: dict[str, bytes] = {}
        super().__init__(("127.0.0.1" if family == socket.AF_INET else "::1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def handle_error(self, *_: Any) -> None:
        pass  # clients that break off are what the tests are about


@contextmanager
def serving(certificate: Path | None = None, family: socket.AddressFamily = socket.AF_INET) -> Iterator[Server]:
    """A server that runs for the length of a block, over TLS with a certificate."""
    with Server(family) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.stop.set()
            server.shutdown()
            thread.join()
