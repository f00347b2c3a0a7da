"""JourneyDB's archives and annotations, read back as a stranger would read them."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from pipelines.miniature.captions import dense_caption
from pipelines.miniature.composition import make_scenes
from pipelines.miniature.journeydb import write_journeydb

PICTURES = [(scene, b"picture %d" % scene.index) for scene in make_scenes(15, seed=0)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_journeydb(tmp_path / "one", PICTURES, seed=0)
    return tmp_path / "one"


def _annotations(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "data" / "train" / "train_anno_realease_repath.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def _images(folder: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for archive in ("000", "001"):
        with tarfile.open(folder / "data" / "train" / "imgs" / f"{archive}.tgz", "r:gz") as tar:
            for member in tar.getmembers():
                assert member.name == archive or member.name.startswith(f"{archive}/")
                content = tar.extractfile(member)
                if content is not None:
                    found[f"./{member.name}"] = content.read()
    return found


def test_every_annotation_but_the_last_has_its_image(folder: Path) -> None:
    images, annotations = _images(folder), _annotations(folder)
    assert len(annotations) == len(PICTURES) + 1
    assert [images.get(line["img_path"]) for line in annotations] == [content for _, content in PICTURES] + [None]
    assert len(images) == len(PICTURES)


def test_captions_are_the_scenes_and_some_are_missing(folder: Path) -> None:
    for (scene, _), line in zip(PICTURES, _annotations(folder), strict=False):
        assert line["prompt"]
        assert line["Task1"].keys() == {"Style", "Content"}
        assert line["Task2"].get("Caption", dense_caption(scene)) == dense_caption(scene)
    missing = [number for number, line in enumerate(_annotations(folder)) if "Caption" not in line["Task2"]]
    assert missing == [3, 10]


def test_the_right_answer_is_among_the_options(folder: Path) -> None:
    for line in _annotations(folder):
        for question in line["Task3"]["Content"]:
            assert question["Answer"] in question["Option"]


def test_same_pictures_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_journeydb(tmp_path / "two", PICTURES, seed=0)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(files) == 3
    assert all((folder / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)
