"""A web server on loopback for benchmarks: real photographs of many sizes, from memory, at little cost of its own.

python -m benchmarks.photograph_server --small-share 0.5     prints its port, and serves /0.jpg, /1.jpg, ... and /cpu,
                                                             the seconds of CPU that it has used
"""

import argparse
import asyncio
import io
import random
import time
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


def bodies(short_edges: tuple[int, ...], variants: int = 1) -> list[bytes]:
    """Each photograph as a JPEG with each short edge, in so many variants: other cuttings of it, some mirrored."""
    folder, encoded, chance = Path(skimage.data.__file__).parent, [], random.Random(0)
    for name in PHOTOGRAPHS:
        with Image.open(folder / name) as opened:
            photograph = opened.convert("RGB")
        for short in short_edges:
            cuttings = [_variant(photograph, chance) for _ in range(1, variants)]
            encoded += [_jpeg(cutting, short) for cutting in (photograph, *cuttings)]
    return encoded


def _variant(photograph: Image.Image, chance: random.Random) -> Image.Image:
    size = [round(edge * chance.uniform(0.75, 1)) for edge in photograph.size]
    left, top = (chance.randint(0, edge - cut) for edge, cut in zip(photograph.size, size, strict=True))
    cutting = photograph.crop((left, top, left + size[0], top + size[1]))
    return cutting.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if chance.random() < 0.5 else cutting


def _jpeg(photograph: Image.Image, short: int) -> bytes:
    scale, file = short / min(photograph.size), io.BytesIO()
    size = round(photograph.width * scale), round(photograph.height * scale)
    photograph.resize(size, Image.Resampling.LANCZOS).save(file, "JPEG", quality=85)
    return file.getvalue()


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
        name = self._request.split(b" ", 2)[1][1:].partition(b".")[0]
        body = f"{time.process_time():.3f}".encode() if name == b"cpu" else self._photograph(int(name))
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        self._transport.close()

    def _photograph(self, number: int) -> bytes:
        small = int((number + 1) * self._small_share) > int(number * self._small_share)
        pool = self._small if small else self._large
        return pool[number % len(pool)]


async def _serve(small_share: float, variants: int) -> None:
    large, small = bodies(LARGE, variants), bodies(SMALL, variants) if small_share else []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Photographs(large, small, small_share), "127.0.0.1", 0, backlog=1024)
    said = f"{len(large)} different ones of {_mean_kb(large):.0f} kB on average"
    if small:
        said += f", {len(small)} small ones of {_mean_kb(small):.0f} kB"
    print(server.sockets[0].getsockname()[1], said, flush=True)
    await server.serve_forever()


def _mean_kb(bodies: list[bytes]) -> float:
    return sum(map(len, bodies)) / len(bodies) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve photographs on loopback.")
    parser.add_argument("--small-share", type=float, default=0.0)
    parser.add_argument("--variants", type=int, default=1, help="of each photograph at each size")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.small_share, arguments.variants))


if __name__ == "__main__":
    main()
