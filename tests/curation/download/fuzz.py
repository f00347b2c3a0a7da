"""Photographs in every format the web has, damaged at random, through the decoder.

    python -m tests.curation.download.fuzz --count 100000 --seed 1

prints what became of them, and keeps those that killed the decoder's process or raised what is no rejection.
"""

import argparse
import io
import random
import struct
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image, ImageCms

from curation.download.decoding import ImageLimits
from curation.download.isolation import IsolatedResizer
from curation.download.rejection import RejectedError
from curation.download.resizer import Resizer
from tests.curation.download.poison import poison

RESIZER = Resizer(image_size=48, limits=ImageLimits(min_size=1, max_area=1_000_000, max_aspect_ratio=1e9))
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
EDGE = 112
BOUNDARIES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)
PNG_START = b"\x89PNG\r\n\x1a\n"


def sound_files() -> list[bytes]:
    """Each photograph in each format, and some of its dialects; one in its own original file."""
    folder = Path(skimage.data.__file__).parent
    files = [(folder / "rocket.jpg").read_bytes(), poison()]
    for name in PHOTOGRAPHS:
        with Image.open(folder / name) as photograph:
            photograph.thumbnail((EDGE, EDGE))
            files += _dialects(photograph.convert("RGB"))
    return files


def _dialects(image: Image.Image) -> Iterator[bytes]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"s\0R\0G\0B", b"t\0R\0G\0B")
    frames = [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    grey, alpha = image.convert("L"), image.convert("RGBA")
    alpha.putalpha(grey)
    sixteen = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    yield _encode(image, "JPEG", exif=exif, icc_profile=icc, restart_marker_rows=2)
    yield _encode(image, "JPEG", progressive=True, subsampling=0)
    yield _encode(grey, "JPEG", comment=b"a comment")
    yield _encode(image.convert("CMYK"), "JPEG")
    yield _encode(image, "MPO", save_all=True, append_images=frames)
    yield _encode(image, "PNG", icc_profile=icc, exif=exif)
    yield _encode(image.quantize(64), "PNG", transparency=3)
    yield _encode(alpha, "PNG")
    yield _encode(sixteen, "PNG")
    yield _encode(image, "PNG", save_all=True, append_images=frames)
    yield _encode(image, "WEBP", quality=70, exif=exif, icc_profile=icc)
    yield _encode(alpha, "WEBP", lossless=True)
    yield _encode(image, "WEBP", save_all=True, append_images=frames)
    yield _encode(image, "GIF", transparency=3)
    yield _encode(image, "GIF", save_all=True, append_images=frames)
    yield _encode(image, "BMP")
    yield _encode(image.quantize(16), "BMP")


def _encode(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def _somewhere(content: bytearray, chance: random.Random) -> int:
    """A place in the file; half the time in its head, where the structure is."""
    return chance.randrange(min(len(content), 1024) if chance.random() < 0.5 else len(content))


def _flip(content: bytearray, chance: random.Random) -> None:
    content[_somewhere(content, chance)] ^= 1 << chance.randrange(8)


def _overwrite(content: bytearray, chance: random.Random) -> None:
    at, size = _somewhere(content, chance), chance.choice((1, 1, 2, 4))
    content[at : at + size] = bytes(chance.choice(BOUNDARIES) for _ in range(size))


def _delete(content: bytearray, chance: random.Random) -> None:
    at = _somewhere(content, chance)
    del content[at : at + chance.randint(1, 64)]


def _repeat(content: bytearray, chance: random.Random) -> None:
    start, at = _somewhere(content, chance), _somewhere(content, chance)
    content[at:at] = content[start : start + chance.randint(1, 256)]


def _insert(content: bytearray, chance: random.Random) -> None:
    at = _somewhere(content, chance)
    content[at:at] = chance.randbytes(chance.randint(1, 32))


def _truncate(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content) // 4, len(content)) :]


MUTATIONS: list[Callable[[bytearray, random.Random], None]] = [_flip, _overwrite, _delete, _repeat, _insert, _truncate]


def mutant(files: list[bytes], seed: int) -> bytes:
    """A damaged file; the same for the same seed. Check sums of a PNG are set right, or little would get past them."""
    chance = random.Random(seed)
    content = bytearray(chance.choice(files))
    if chance.random() < 0.1:  # the head of one on the tail of another
        other, cut = chance.choice(files), chance.random()
        content[int(len(content) * cut) :] = other[int(len(other) * cut) :]
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        chance.choice(MUTATIONS)(content, chance)
        if not content:
            break
    return _with_right_check_sums(bytes(content)) if content.startswith(PNG_START) else bytes(content)


def _with_right_check_sums(png: bytes) -> bytes:
    content, at = bytearray(png), len(PNG_START)
    while at + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, at)
        end = at + 8 + size
        if end + 4 > len(content):
            break
        struct.pack_into(">I", content, end, zlib.crc32(content[at + 4 : end]))
        at = end + 4
    return bytes(content)


def fuzz(count: int, seed: int) -> tuple[Counter[str], dict[int, bytes]]:
    """What became of `count` mutants, and by its seed each that killed the decoder."""
    files, outcomes, deadly = sound_files(), Counter[str](), dict[int, bytes]()
    with IsolatedResizer(RESIZER, seconds=20.0) as resize:
        for number in range(seed * 1_000_000_000, seed * 1_000_000_000 + count):
            content = mutant(files, number)
            error = resize(io.BytesIO(content))[-1]
            outcome = "decoded" if error is None else RejectedError.parse(error).reason.value
            outcomes[outcome] += 1
            if outcome == "quarantined":
                deadly[number] = content
    return outcomes, deadly


def main() -> None:
    parser = argparse.ArgumentParser(description="Damage photographs at random and decode them.")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("deadly-images"), help="folder for those that killed")
    arguments = parser.parse_args()
    started = time.monotonic()
    outcomes, deadly = fuzz(arguments.count, arguments.seed)
    seconds = time.monotonic() - started
    print(f"{arguments.count} mutants of {len(sound_files())} files, seed {arguments.seed}, in {seconds:.0f} s")
    for outcome, count in outcomes.most_common():
        print(f"{count:>8}  {outcome}")
    for number, content in deadly.items():
        arguments.keep.mkdir(parents=True, exist_ok=True)
        (arguments.keep / f"{number}.bin").write_bytes(content)
    print(f"{len(deadly)} killed the decoder" + (f": see {arguments.keep}" if deadly else ""))


if __name__ == "__main__":
    main()
