"""Shrinking: nearer to the ideal than img2dataset's area filter, and the same bytes on whatever processor."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from curation.download.shrinking import pixels, shrink

PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "retina.jpg", "rocket.jpg")


def photograph(name: str) -> Image.Image:
    with Image.open(Path(skimage.data.__file__).parent / name) as opened:
        return opened.convert("RGB")


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    generator = np.random.default_rng(seed)
    return Image.fromarray(generator.integers(0, 256, (height, width, 3), np.uint8))


def lanczos(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Lanczos' filter of three lobes over the whole area, in double precision: (H, W, 3)."""
    pixels = np.asarray(image).astype(np.float64)
    down, across = (_weights(*edges) for edges in ((image.height, size[1]), (image.width, size[0])))
    return np.einsum("yh,hwc,xw->yxc", down, pixels, across, optimize=True).clip(0, 255)


def _weights(length: int, shrunk: int) -> np.ndarray:
    scale = length / shrunk
    centres = (np.arange(shrunk)[:, None] + 0.5) * scale
    x = (np.arange(length)[None] + 0.5 - centres) / scale
    weights = np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)  # (shrunk, length)
    return weights / weights.sum(axis=1, keepdims=True)


def psnr(image: np.ndarray | Image.Image, ideal: np.ndarray) -> float:
    """Peak signal over noise, in dB."""
    return float(10 * np.log10(255**2 / np.mean((np.asarray(image).astype(np.float64) - ideal) ** 2)))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("scale", [1.05, 1.5, 2.0, 2.7])
def test_it_is_nearer_to_the_ideal_than_the_area_filter(name: str, scale: float) -> None:
    import cv2

    image = photograph(name)
    size = round(image.width / scale), round(image.height / scale)
    ideal = lanczos(image, size)
    area = cv2.resize(np.asarray(image), size, interpolation=cv2.INTER_AREA)
    assert psnr(shrink(image, size), ideal) > psnr(area, ideal) + 1.5


@pytest.mark.parametrize(("width", "height", "size"), [(64, 48, (32, 24)), (33, 65, (17, 31)), (200, 10, (20, 1))])
def test_it_is_pillows_filter(width: int, height: int, size: tuple[int, int]) -> None:
    image = noise(width, height)
    theirs = image.resize(size, Image.Resampling.BICUBIC)
    difference = np.abs(np.asarray(shrink(image, size)).astype(int) - np.asarray(theirs))
    assert shrink(image, size).mode == "RGB"
    assert difference.max() <= 2
    assert difference.mean() < 0.25  # noise: of a photograph, next to no value differs


def test_an_image_in_several_pieces_of_memory_gives_the_same_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    large = noise(2100, 2100)  # over 16 MB
    piece = large.crop((0, 0, 64, 64))
    assert large.tobytes()[: 64 * 3] == piece.tobytes()[: 64 * 3]
    assert np.array_equal(pixels(large)[0, :3, :64, :64], pixels(piece)[0, :3])
    assert np.array_equal(pixels(large)[0, :3].permute(1, 2, 0), np.asarray(large))


def test_the_result_outlives_what_it_was_made_of() -> None:
    image = noise(400, 300)
    expected = shrink(image, (40, 30)).tobytes()
    results = [shrink(noise(400, 300), (40, 30)) for _ in range(20)]
    assert {result.tobytes() for result in results} == {expected}


def test_a_processor_without_vector_instructions_gives_the_same_bytes() -> None:
    program = (
        "import hashlib\n"
        "from tests.curation.download.test_shrinking import noise\n"
        "from curation.download.shrinking import shrink\n"
        "print(hashlib.sha256(shrink(noise(301, 203), (97, 61)).tobytes()).hexdigest())\n"
    )
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "default"}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == hashlib.sha256(shrink(noise(301, 203), (97, 61)).tobytes()).hexdigest()
