"""The miniature world's web: an HTTP server on loopback that serves its pictures, and fails in the web's ways."""

import errno
import logging
import random
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"

PORTS = range(20_000, 32_768)
"""Where a free port is looked for: below the range that systems hand out to outgoing connections."""

Headers = Mapping[str, str]
NO_HEADERS: Headers = MappingProxyType({})

_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
_PAGE = b"<!doctype html><html><body><h1>This image is for members only</h1></body></html>"
_DRIP_SECONDS = 0.2


class Route(StrEnum):
    """First part of a path; the second names a picture. What the answer is:"""

    IMAGES = "images"  # the picture
    MISSING = "missing"  # 404
    GONE = "gone"  # 410
    BROKEN = "broken"  # 500
    SLOW = "slow"  # one byte now and then, for as long as the server lives
    PAGE = "page"  # an HTML page that says it is a JPEG
    SHORT = "short"  # half the bytes that Content-Length announces
    CUT = "cut"  # half the file, with a Content-Length to match
    MOVED = "moved"  # a redirect to the picture
    OPT_OUT = "opt-out"  # the picture, with a header that forbids its use for training


class _Server(ThreadingHTTPServer):
    """Every request on a thread of its own, none of which keeps the process alive."""

    allow_reuse_address = True  # a killed run leaves its port in TIME_WAIT; the next run needs it at once
    request_queue_size = 128

    def __init__(self, images: Path, port: int) -> None:
        self.images = images
        self.stopped = threading.Event()
        super().__init__((HOST, port), _Handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of the host's full name, which may wait for a name server."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that hang up."""
        logger.debug("request from %s failed", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer `/<route>/<picture>`."""
        route, _, name = unquote(urlsplit(self.path).path).removeprefix("/").partition("/")
        path = self.server.images / name
        known = route in list(Route) and path.name == name and path.is_file()
        if not known or route == Route.MISSING:
            return self._say(HTTPStatus.NOT_FOUND)
        body, kind = path.read_bytes(), _TYPES[path.suffix]
        match Route(route):
            case Route.GONE:
                return self._say(HTTPStatus.GONE)
            case Route.BROKEN:
                return self._say(HTTPStatus.INTERNAL_SERVER_ERROR)
            case Route.MOVED:
                return self._say(HTTPStatus.FOUND, {"Location": f"/{Route.IMAGES}/{name}"})
            case Route.PAGE:
                return self._send(_PAGE, "image/jpeg")
            case Route.CUT:
                return self._send(body[: len(body) // 2], kind)
            case Route.SHORT:
                return self._send(body[: len(body) // 2], kind, announced=len(body))
            case Route.OPT_OUT:
                return self._send(body, kind, headers={"X-Robots-Tag": "noai"})
            case Route.SLOW:
                return self._drip(body, kind)
            case _:
                return self._send(body, kind)

    def log_message(self, format: str, *args: object) -> None:
        """Keep requests out of standard error."""
        logger.debug(format, *args)

    def _say(self, status: HTTPStatus, headers: Headers = NO_HEADERS) -> None:
        self._head(status, "text/plain", 0, headers)

    def _send(self, body: bytes, kind: str, announced: int | None = None, headers: Headers = NO_HEADERS) -> None:
        self._head(HTTPStatus.OK, kind, len(body) if announced is None else announced, headers)
        self.wfile.write(body)

    def _drip(self, body: bytes, kind: str) -> None:
        """Send a byte at a time until the body ends, the client leaves or the server stops."""
        self._head(HTTPStatus.OK, kind, len(body))
        for byte in body:
            self.wfile.write(bytes([byte]))
            if self.server.stopped.wait(_DRIP_SECONDS):
                return

    def _head(self, status: HTTPStatus, kind: str, length: int, headers: Headers = NO_HEADERS) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def serve(images: Path, port: int) -> Iterator[str]:
    """Serve a folder of pictures on loopback while the block runs; gives the base URL, without a slash at its end.

    Raises:
        ValueError: another program has the port.
    """
    try:
        server = _Server(images, port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise ValueError(
            f"port {port} on {HOST}, which the links of {images.parent} point to, is taken ({error.strerror}): "
            f"stop the program that has it, or delete the folder that {images.parent} is in and start anew"
        ) from error
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="miniature web", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{port}"
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


def free_port(seed: int) -> int:
    """A port of PORTS that nothing listens on; the same for the same seed, as long as it stays free.

    Raises:
        ValueError: every port of PORTS is taken.
    """
    for port in random.Random(seed).sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise ValueError(f"no free port on {HOST} between {PORTS.start} and {PORTS.stop - 1}: stop a program that has one")
