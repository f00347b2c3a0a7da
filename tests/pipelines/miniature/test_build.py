"""A world's files agree with one another: pictures, rows, truth."""

import io
import json
from collections import Counter
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pyarrow.parquet as pq
from PIL import Image, ImageOps

from pipelines.miniature import Miniature
from pipelines.miniature.build import make_world
from pipelines.miniature.composition import make_scenes
from pipelines.miniature.drawing import draw, on_white


def _truth(world: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (world / "scenes.jsonl").read_text().splitlines()]


def _digests(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_picture_has_its_truth_and_decodes_to_the_drawing(miniature: Miniature) -> None:
    truth = _truth(miniature.world)
    files = sorted(path.name for path in (miniature.world / "images").iterdir())
    assert sorted(str(line["file"]) for line in truth) == files
    assert Counter(line["source"] for line in truth) == {"laion": 16, "coyo": 16}
    for line, scene in zip(truth, make_scenes(32, seed=1), strict=True):
        with Image.open(miniature.world / "images" / str(line["file"])) as opened:
            picture = on_white(ImageOps.exif_transpose(opened)) if opened.mode != "I;16" else None
        if picture is None:
            continue
        assert picture.size == (line["width"], line["height"]) == (scene.width, scene.height)
        expected = on_white(draw(scene)).convert("L")
        difference = np.asarray(picture.convert("L"), np.float64) - np.asarray(expected, np.float64)
        assert np.abs(difference).mean() < 4


def test_links_work_where_they_should(miniature: Miniature) -> None:
    table = pq.read_table(miniature.world / "coyo" / "part-00000.snappy.parquet")
    urls = [url for url in table["url"].to_pylist() if url and "/images/" in url and url.startswith("http")]
    assert len(urls) > 5
    with miniature.serve() as base:
        for url in urls:
            assert url.startswith(base)
            with urlopen(url) as answer:
                assert Image.open(io.BytesIO(answer.read())).width >= 300


def test_the_record_counts_what_is_there(miniature: Miniature) -> None:
    record = json.loads((miniature.world / "world.json").read_text())
    assert record["pictures"] == {"laion": 16, "coyo": 16, "journeydb": 8}
    for source in ("laion", "coyo"):
        files = (miniature.world / source).glob("*.parquet")
        assert record["rows"][source] == sum(pq.read_metadata(file).num_rows for file in files)
    annotations = miniature.world / "journeydb" / "data" / "train" / "train_anno_realease_repath.jsonl"
    assert len(annotations.read_text().splitlines()) == 8 + 1


def test_same_settings_same_bytes_and_another_seed_other_pictures(tmp_path: Path) -> None:
    said: list[str] = []
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        (tmp_path / name).mkdir()
        make_world(tmp_path / name, said.append, scenes=20, seed=seed, port=20_000)
    one, two, three = (_digests(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert len(one) == 16 + 2 + 2 + 3 + 2
    assert not {one[name] for name in one if name.startswith("images/")} & set(three.values())
    assert said == ["world: drawing 20 scenes"] * 3
