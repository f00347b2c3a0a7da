"""A web server on loopback for benchmarks: real photographs of many sizes, from memory, at little cost of its own.

python -m benchmarks.photograph_server --small-share 0.5     prints its port, and serves /0.jpg, /1.jpg, ...
"""

import argparse
import asyncio
import io
from pathlib import Path

import skimage.data
from PIL import Image

PHOTOGRAPHS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "motorcycle_left.png",
    "rocket.jpg",
)
LARGE = (640, 768, 1024, 1200)
SMALL = (200, 256, 320, 450)
"""Short edges, in pixels."""


def bodies(short_edges: tuple[int, ...]) -> list[bytes]:
    """Each photograph as a JPEG with each short edge."""
    folder, encoded = Path(skimage.data.__file__).parent, []
    for name in PHOTOGRAPHS:
        with Image.open(folder / name) as opened:
            photograph = opened.convert("RGB")
        for short in short_edges:
            scale = short / min(photograph.size)
            size = round(photograph.width * scale), round(photograph.height * scale)
            file = io.BytesIO()
            photograph.resize(size, Image.Resampling.LANCZOS).save(file, "JPEG", quality=85)
            encoded.append(file.getvalue())
    return encoded


class Photographs(asyncio.Protocol):
    """Answers each request and closes; a share of all numbers, evenly spread, has a small photograph."""

    def __init__(self, large: list[bytes], small: list[bytes], small_share: float) -> None:
        self._large, self._small, self._small_share = large, small, small_share

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._request = transport, b""

    def data_received(self, data: bytes) -> None:
        self._request += data
        if b"\r\n\r\n" not in self._request:
            return
        number = int(self._request.split(b" ", 2)[1][1:].partition(b".")[0])
        small = int((number + 1) * self._small_share) > int(number * self._small_share)
        pool = self._small if small else self._large
        body = pool[number % len(pool)]
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        self._transport.close()


async def _serve(small_share: float) -> None:
    large, small = bodies(LARGE), bodies(SMALL)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Photographs(large, small, small_share), "127.0.0.1", 0, backlog=1024)
    mean = sum(map(len, large)) / len(large) / 1000, sum(map(len, small)) / len(small) / 1000
    print(server.sockets[0].getsockname()[1], f"{mean[0]:.0f} kB large, {mean[1]:.0f} kB small on average", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve photographs on loopback.")
    parser.add_argument("--small-share", type=float, default=0.0)
    asyncio.run(_serve(parser.parse_args().small_share))


if __name__ == "__main__":
    main()
