"""A chat server on loopback that sees what it is sent and misbehaves on request."""

import base64
import io
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image


class ChatServer(ThreadingHTTPServer):
    """Describes an image by its shade of grey and the prompt that came with it.

    A prompt may ask for trouble: each word `fault=n` is a fault for the first n requests about that image.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler: "type[Handler] | None" = None) -> None:
        super().__init__(("127.0.0.1", 0), handler or Handler)
        self.lock = threading.Lock()
        self.seen: Counter[int] = Counter()
        self.finished: list[int] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.now = 0
        self.most = 0
        self.key = ""
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    """One request, one answer or fault."""

    protocol_version = "HTTP/1.1"
    server: ChatServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        shade, self.prompt = _read(body)
        with self.server.lock:
            self.server.seen[shade] += 1
            count = self.server.seen[shade]
            self.server.bodies.append(body)
            self.server.headers.append(dict(self.headers))
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        try:
            with suppress(OSError):  # the client has had enough
                self._answer(shade, count)
        finally:
            with self.server.lock:
                self.server.now -= 1

    def _answer(self, shade: int, count: int) -> None:
        if self.path != "/v1/chat/completions":
            return self._send(404, {"error": "no such path"})
        if self.server.key and self.headers["Authorization"] != f"Bearer {self.server.key}":
            return self._send(401, {"error": f"wrong key: {self.headers['Authorization']}"})
        for word in self.prompt.split():
            fault, found, times = word.partition("=")
            if found and count <= int(times):
                return getattr(self, f"do_{fault}")()
        time.sleep((shade * 7 % 5) / 100)  # so that later ones overtake
        with self.server.lock:
            self.server.finished.append(shade)
        return self._send(200, self.say(shade))

    def say(self, shade: int) -> dict[str, Any]:
        """The response where nothing is amiss."""
        return completion(f"shade {shade}: {self.prompt}", "length" if "long" in self.prompt else "stop")

    def do_500(self) -> None:
        self._send(500, {"error": "out of order"})

    def do_429(self) -> None:
        self._send(429, {"error": "busy"}, {"Retry-After": "0"})

    def do_400(self) -> None:
        self._send(400, {"error": "prompt too long"})

    def do_302(self) -> None:
        self._send(302, {}, {"Location": f"{self.server.url}/chat/completions"})

    def do_drop(self) -> None:
        """Reset the connection instead of an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def do_cut(self) -> None:
        """Promise more bytes than come."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"choices": [')
        self.close_connection = True

    def do_hang(self) -> None:
        self.server.released.wait(30)
        self.close_connection = True

    def do_nonsense(self) -> None:
        self._send(200, {"hello": "there"})

    def do_abort(self) -> None:
        self._send(200, completion("half a te", "abort"))

    def do_filter(self) -> None:
        self._send(200, completion(None, "content_filter"))

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def completion(text: str | None, finish_reason: str) -> dict[str, Any]:
    """A response as vLLM gives it, in short."""
    tokens = len((text or "").split())
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    return {"id": "1", "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": tokens}}


def grey(shade: int) -> Image.Image:
    """An image that the server tells by its shade."""
    return Image.new("RGB", (16, 16), (shade, shade, shade))


@contextmanager
def serving(handler: type[Handler] | None = None) -> Iterator[ChatServer]:
    """A server for the length of the block."""
    server = ChatServer(handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _read(body: dict[str, Any]) -> tuple[int, str]:
    """Shade of the image, and prompt."""
    image, text = body["messages"][0]["content"]
    data = image["image_url"]["url"].partition(";base64,")[2]
    with Image.open(io.BytesIO(base64.b64decode(data))) as decoded:
        return decoded.getpixel((8, 8))[0], text["text"]
