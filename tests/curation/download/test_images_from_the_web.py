"""Images as the web has them, from a real server through the whole stage to the tar."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageCms

from curation import storage
from curation.dataset import Dataset, Shard, sample_id
from curation.download import Download
from curation.download.image_settings import ImageSettings
from curation.schemas import URLS
from curation.tar import read_tar
from tests.curation.download.server import Server

SHARD = Shard(index=0)
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # img2dataset imports it


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def noise(width: int = 96, height: int = 64) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), "JPEG", quality=90)


def header_of_a_bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


def turned() -> bytes:
    """Stored lying on its side: upright, its top left corner is red."""
    upright = Image.new("RGB", (96, 64), "white")
    upright.paste(RED, (0, 0, 48, 32))
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(upright.rotate(90, expand=True), "JPEG", quality=95, exif=exif)


def wide() -> bytes:
    """Red by the numbers, and green by its profile, in which the two primaries have changed places."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    named = bytes(profile).replace("sRGB".encode("utf-16-be"), "tRGB".encode("utf-16-be"))
    return encoded(Image.new("RGB", (64, 64), RED), icc_profile=named)


def moving(format: str) -> bytes:
    frames = [Image.new("RGB", (64, 64), colour) for colour in (BLUE, RED)]
    return encoded(frames[0], format, save_all=True, append_images=frames[1:], duration=50)


TAKEN = {
    "sixteen.png": (encoded(Image.fromarray(np.full((64, 64), 0x8000, np.uint16))), (128, 128, 128)),
    "turned.jpg": (turned(), RED),
    "cmyk.jpg": (encoded(Image.new("CMYK", (64, 64), (255, 0, 255, 0)), "JPEG", quality=95), GREEN),
    "wide.png": (wide(), GREEN),
    "transparent.png": (encoded(Image.new("RGBA", (64, 64), (*RED, 0))), (255, 255, 255)),
    "moving.gif": (moving("GIF"), BLUE),
    "moving.webp": (moving("WEBP"), BLUE),
}
"""Name to content, and the colour that the image has in its top left corner."""

REFUSED = {
    "bomb.png": (header_of_a_bomb(20_000, 20_000), "too_many_pixels"),
    "larger-bomb.png": (header_of_a_bomb(100_000, 100_000), "too_many_pixels"),
    "dot.png": (encoded(Image.new("RGB", (1, 1))), "too_small"),
    "line.png": (encoded(Image.new("RGB", (10_000, 1))), "aspect_ratio"),
    "cut.jpg": (noise()[:2000], "truncated"),
    "cut.png": (encoded(Image.open(io.BytesIO(noise())))[:9000], "truncated"),
    "flipped.jpg": (noise().replace(b"\xff\xc0", b"\xff\xcf", 1), "undecodable"),
    "page.html": (b"<!doctype html><title>gone</title>", "not_image"),
    "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_image"),
    "nothing.jpg": (b"", "not_image"),
}
"""Name to content, and the reason."""


def run(
    server: Server, folder: Path, names: list[str], **settings: object
) -> tuple[list[str | None], dict[str, bytes]]:
    """The reason of each of the server's files, and the JPEG of those that are taken."""
    dataset, image = Dataset(str(folder)), ImageSettings(min_size=16, **settings)
    download = Download(image=image, allow_hosts=["127.0.0.1"], threads=4)
    urls = [server.url(f"/file/{name}") for name in names]
    rows = {"sample_id": [sample_id(url) for url in urls], "url": urls, "alt_text": urls, "source": ["t"] * len(urls)}
    storage.write_table(dataset.urls(SHARD), pa.table(rows, URLS))
    download.setup()
    result = download.process(dataset, SHARD)
    table = storage.read_table(dataset.image_table(SHARD)).to_pylist()
    assert result.rows == len(table) == len(names)
    name_of = {row["key"]: name for row, name in zip(table, names, strict=True)}
    taken = {name_of[key]: parts["jpg"] for key, parts in read_tar(dataset.image_tar(SHARD))}
    return [row["reason"] for row in table], taken


def test_every_image_is_taken_as_it_looks_or_refused_with_its_reason(server: Server, tmp_path: Path) -> None:
    server.files = {name: content for name, (content, _) in {**TAKEN, **REFUSED}.items()}
    reasons, taken = run(server, tmp_path, [*TAKEN, *REFUSED])
    assert reasons == [*[None] * len(TAKEN), *(reason for _, reason in REFUSED.values())]
    assert taken.keys() == TAKEN.keys()
    for name, (_, colour) in TAKEN.items():
        image = Image.open(io.BytesIO(taken[name]))
        assert (image.format, image.mode, dict(image.getexif()), image.info.get("icc_profile")) == (
            *("JPEG", "RGB", {}, None),
        )
        np.testing.assert_allclose(image.getpixel((8, 8)), colour, atol=6, err_msg=name)
    assert Image.open(io.BytesIO(taken["turned.jpg"])).size == (96, 64)


def test_animations_are_refused_where_the_policy_says_so(server: Server, tmp_path: Path) -> None:
    server.files = {name: moving(name.upper()) for name in ("gif", "webp", "png")}
    reasons, taken = run(server, tmp_path, [*server.files], animated="reject")
    assert (reasons, taken) == (["animated"] * 3, {})
