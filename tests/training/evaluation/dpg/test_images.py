"""Images matched with prompts, and refused where they are no grids."""

from pathlib import Path

import pytest
from PIL import Image

from tests.training.evaluation.dpg.tables import row, save
from tests.training.evaluation.looking import save_grid
from training.evaluation.dpg.benchmark import Benchmark, read_benchmark
from training.evaluation.dpg.images import Protocol, find

FOUR = ["red", "green", "blue", "grey"]


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark:
    return read_benchmark(save(tmp_path / "t.csv", [row("a", 1), row("b", 1), row("c", 1)]))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a", "b", "c", "other"):
        save_grid(folder / f"{name}.png", FOUR)
    return folder


def test_items_find_their_images_and_others_are_named(images: Path, benchmark: Benchmark) -> None:
    found = find(str(images), benchmark, Protocol(resolution=8))
    assert {item: Path(picture.path).name for item, picture in found.found.items()} == {
        "a": "a.png", "b": "b.png", "c": "c.png",
    }  # fmt: skip
    assert (dict(found.missing), list(found.unused)) == ({}, ["other"])


def test_a_missing_or_broken_image_is_named_and_stops_unless_it_may_be_missing(
    images: Path, benchmark: Benchmark
) -> None:
    (images / "a.png").unlink()
    (images / "b.png").write_bytes((images / "b.png").read_bytes()[:60])
    with pytest.raises(ValueError, match=r"2 of 3 items .*: a \(no image\), b \(cannot be read\); .*--allow-missing"):
        find(str(images), benchmark, Protocol(resolution=8))
    found = find(str(images), benchmark, Protocol(resolution=8, allow_missing=True))
    assert dict(found.missing) == {"a": "no image", "b": "cannot be read"}
    assert list(found.found) == ["c"]


@pytest.mark.parametrize(
    ("size", "resolution", "crops"), [((16, 8), 8, 4), ((8, 8), 8, 4), ((16, 16), 16, 4), ((17, 16), 8, 1)]
)
def test_an_image_that_is_no_grid_of_the_stated_size_is_refused(
    images: Path, benchmark: Benchmark, size: tuple[int, int], resolution: int, crops: int
) -> None:
    for name in ("a", "b", "c"):
        Image.new("RGB", size).save(images / f"{name}.png")
    with pytest.raises(
        ValueError, match=r"a\.png is \(\d+, \d+\), .*expected 2x2 grids of .* --resolution|\(--resolution\)"
    ):
        find(str(images), benchmark, Protocol(resolution=resolution, crops=crops, allow_missing=True))


def test_for_one_crop_a_single_image_will_do(images: Path, benchmark: Benchmark) -> None:
    Image.new("RGB", (8, 8)).save(images / "a.png")
    assert len(find(str(images), benchmark, Protocol(resolution=8, crops=1)).found) == 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"crops": 5}, "crops is 5"), ({"crops": 0}, "1 to 4"), ({"resolution": 0}, "resolution is 0")],
)
def test_a_protocol_that_cannot_be_is_refused(settings: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Protocol(**settings)  # type: ignore[arg-type]
