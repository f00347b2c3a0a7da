"""LAION's releases, each in its own columns."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation import storage
from curation.dataset import Dataset, Shard
from curation.sources import Laion

URL = "http://host.org/a.jpg"
BASE = {
    "SAMPLE_ID": 1,
    "URL": URL,
    "TEXT": "a",
    "WIDTH": 9,
    "HEIGHT": 8,
    "similarity": 0.3,
    "LICENSE": "?",
    "NSFW": "?",
}
JOINED = {
    "URL": URL,
    "TEXT": "a",
    "WIDTH": 9,
    "HEIGHT": 8,
    "similarity": 0.3,
    "hash": 5,
    "pwatermark": 0.1,
    "punsafe": 0.2,
}
AESTHETIC_V2 = {**JOINED, "AESTHETIC_SCORE": 6.5}
AESTHETIC_V1 = {**JOINED, "aesthetic": 7.5}
RE_LAION = {"url": URL, "caption": "a", "similarity": 0.3, "width": 9, "height": 8, "punsafe": 0.2, "exif": "{}"}


def _planned(folder: Path, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    for number, row in enumerate(rows):
        pq.write_table(pa.table({name: [value] for name, value in row.items()}), folder / f"{number}.parquet")
    dataset = Dataset(str(folder / "out"))
    Laion(metadata=str(folder)).plan(dataset)
    return storage.read_table(dataset.urls(Shard(index=0))).to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("release", [BASE, JOINED, AESTHETIC_V2, RE_LAION])
def test_each_release_is_read(release: dict[str, Any], tmp_path: Path) -> None:
    (row,) = _planned(tmp_path, release)
    assert (row["url"], row["alt_text"], row["source"]) == (URL, "a", "laion")
    own = {name.lower(): value for name, value in release.items()} | {"laion_sample_id": release.get("SAMPLE_ID")}
    theirs = {name: value for name, value in row.items() if name not in ("url", "alt_text", "source", "sample_id")}
    assert theirs == {name: own[name] for name in theirs}
    assert len(theirs) == len(release) - 2


def test_the_two_aesthetic_scales_never_share_a_name(tmp_path: Path) -> None:
    v1 = {**AESTHETIC_V1, "URL": "http://host.org/v1.jpg"}
    rows = {row["url"]: row for row in _planned(tmp_path, AESTHETIC_V2, v1)}
    assert (rows[URL]["aesthetic_score"], rows[URL]["aesthetic_v1"]) == (6.5, None)
    assert (rows[v1["URL"]]["aesthetic_score"], rows[v1["URL"]]["aesthetic_v1"]) == (None, 7.5)
    assert "aesthetic" not in rows[URL]
