"""Small images for a page."""

import base64
import io
from pathlib import Path

from PIL import Image

from training.evaluation.compare.thumbnails import thumbnail


def test_a_thumbnail_is_small_and_shows_the_same(tmp_path: Path) -> None:
    image = Image.new("RGB", (1200, 600), (200, 30, 30))
    image.paste((20, 40, 220), (600, 0, 1200, 600))
    image.save(tmp_path / "a.png")
    url = thumbnail(str(tmp_path / "a.png"))
    assert url is not None
    head, _, data = url.partition(",")
    assert head == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as small:
        assert small.size == (384, 192)
        left, right = small.getpixel((50, 50)), small.getpixel((300, 50))
    assert max(abs(a - b) for a, b in zip((*left, *right), (200, 30, 30, 20, 40, 220), strict=True)) < 12


def test_a_small_image_is_not_blown_up_and_a_broken_one_is_none(tmp_path: Path) -> None:
    Image.new("L", (20, 10)).save(tmp_path / "small.png")
    url = thumbnail(str(tmp_path / "small.png"))
    assert url is not None
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as small:
        assert small.size == (20, 10)
    (tmp_path / "broken.png").write_bytes(b"no image")
    assert thumbnail(str(tmp_path / "broken.png")) is None
