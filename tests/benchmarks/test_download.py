"""The download benchmark's own parts: what it counts as kept, what it refuses, what its server serves."""

import io
import sys
import urllib.request
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from benchmarks.download import IMAGE_SIZE, Work, photographs, run, served_seconds
from benchmarks.photograph_server import LARGE, PHOTOGRAPHS, SMALL, bodies


def test_what_a_command_kept_and_what_it_cost(tmp_path: Path) -> None:
    for number, status in enumerate(("success", "failed_to_resize")):
        table = pa.table({"url": [f"{number}a", f"{number}b"], "status": ["success", status]})
        pq.write_table(table, tmp_path / f"{number}.parquet")
    busy = "import time\nwhile time.process_time() < 0.2: pass"
    cost, kept = run(lambda: ([sys.executable, "-c", busy], tmp_path))
    assert kept == {"0a", "0b", "1a"}
    assert cost.cpu >= 0.2
    assert cost.wall > 0


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no such option"):
        run(lambda: ([sys.executable, "-c", "raise SystemExit('no such option')"], tmp_path))


def test_both_are_given_the_same_work(tmp_path: Path) -> None:
    work = Work(folder=tmp_path, urls=["http://h/0.jpg", "http://h/1.jpg"], min_size=IMAGE_SIZE, threads=3)
    work.write_inputs()
    (given,) = (tmp_path / "stage/urls").iterdir()
    assert pq.read_table(given, columns=["url"]).equals(pq.read_table(tmp_path / "urls.parquet", columns=["url"]))
    assert '"image": {"size": 512, "quality": 95, "min_size": 512}, "threads": 3' in work.stage()[0][-1]
    theirs = work.img2dataset()[0]
    for option in ("image_size=512", "encode_quality=95", "min_image_size=512", "thread_count=3", "processes_count=1"):
        assert f"--{option}" in theirs


def test_the_server_has_small_and_large_photographs() -> None:
    with photographs(0.5) as (address, _):
        assert 0 < served_seconds(address) < 600
        edges = []
        for number in range(2 * len(PHOTOGRAPHS) * len(LARGE)):
            with urllib.request.urlopen(f"{address}/{number}.jpg") as answer:
                edges.append(min(Image.open(io.BytesIO(answer.read())).size))
    assert set(edges[0::2]) <= set(LARGE)
    assert set(edges[1::2]) <= set(SMALL)
    assert max(SMALL) < IMAGE_SIZE < min(LARGE)


def test_variants_are_photographs_of_the_same_size_that_differ() -> None:
    variants = bodies((96,), variants=3)
    assert len(set(variants)) == len(variants) == 3 * len(PHOTOGRAPHS)
    assert variants == bodies((96,), variants=3)
    assert {min(Image.open(io.BytesIO(variant)).size) for variant in variants} == {96}
