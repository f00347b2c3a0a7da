"""Images of a shard: which are read, and how far ahead."""

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from captioning import images
from captioning.images import Picture, decode, decoded, read_pictures
from curation import storage
from curation.dataset import Dataset
from tests.captioning.shards import SHARD, jpeg, write_shard


def pictures(count: int) -> list[Picture]:
    return [Picture(key=f"{number:03d}", jpeg=jpeg(number), alt_text="") for number in range(count)]


def test_wanted_images_come_in_order_with_their_alt_texts(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    write_shard(dataset, {"a": jpeg(1), "b": jpeg(2), "c": jpeg(3)})
    found = list(read_pictures(dataset, SHARD, ["c", "a", "x"]))
    assert found == [
        Picture(key="a", jpeg=jpeg(1), alt_text="alt"),
        Picture(key="c", jpeg=jpeg(3), alt_text="alt"),
    ]


def test_without_keys_no_tar_is_opened(tmp_path: Path) -> None:
    assert list(read_pictures(Dataset(str(tmp_path)), SHARD, [])) == []
    assert not storage.exists(Dataset(str(tmp_path)).image_tar(SHARD))


def test_images_come_in_order_and_bad_ones_as_none() -> None:
    given = [*pictures(20), Picture(key="bad", jpeg=b"no image", alt_text="")]
    found = list(decoded(given, threads=3, distance=4))
    assert [picture for picture, _ in found] == given
    assert [image is None for _, image in found] == [False] * 20 + [True]
    for number, (_, image) in enumerate(found[:20]):
        assert image is not None
        assert abs(image.getpixel((3, 3))[0] - number) <= 1


def test_the_next_images_are_decoded_while_one_is_with_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    three, started = threading.Barrier(3), []

    def wait_for_others(data: bytes) -> None:
        started.append(data)
        three.wait(timeout=30)  # breaks, and fails the test, unless three are decoded at once

    monkeypatch.setattr(images, "decode", wait_for_others)
    stream = decoded(pictures(9), threads=3, distance=3)
    assert started == []
    next(stream)
    assert len(list(stream)) == 8


def test_no_more_is_read_than_fits_ahead() -> None:
    taken = []

    def source() -> Iterator[Picture]:
        for picture in pictures(50):
            taken.append(picture)
            yield picture

    stream = decoded(source(), threads=2, distance=5)
    next(stream)
    assert len(taken) == 6
    stream.close()


def test_images_of_any_mode_are_rgb() -> None:
    data = io.BytesIO()
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(data, "JPEG")
    image = decode(data.getvalue())
    assert image is not None
    assert image.mode == "RGB"
    assert image.getpixel((0, 0))[0] > 200 > 50 > image.getpixel((0, 0))[2]
    assert decode(data.getvalue()[:200]) is None
