"""COYO-700M's columns."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation import storage
from curation.dataset import Dataset, Shard, sample_id
from curation.sources import Coyo

ROW = {
    "id": 841814333321,
    "url": "https://cdn.shop.com/a.jpg?v=1",
    "text": "a lamp",
    "width": 1200,
    "height": 1200,
    "image_phash": "eae9b4b4a2b1",
    "text_length": 6,
    "word_count": 2,
    "num_faces": 0,
    "clip_similarity_vitl14": 0.25,
    "watermark_score": 0.1,
    "aesthetic_score_laion_v2": 6.1,
}


def test_every_measure_stays_beside_the_url(tmp_path: Path) -> None:
    pq.write_table(pa.table({name: [value] for name, value in ROW.items()}), tmp_path / "a.parquet")
    dataset = Dataset(str(tmp_path / "out"))
    assert Coyo(metadata=str(tmp_path)).plan(dataset) == [Shard(index=0)]
    (row,) = storage.read_table(dataset.urls(Shard(index=0))).to_pylist()
    ours = {"sample_id": sample_id(ROW["url"]), "url": ROW["url"], "alt_text": "a lamp", "source": "coyo"}
    assert row == {**{name: value for name, value in ROW.items() if name != "text"}, **ours}


def test_the_text_has_one_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["http://a/"], "caption": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="no column for alt_text: looked for text, in any case; it has url, caption"):
        Coyo(metadata=str(tmp_path)).check()
