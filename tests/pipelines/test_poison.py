"""An image that kills its process, in a real chain: Ray restarts the worker, and the image alone is lost."""

import runpy
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from curation import storage
from curation.dataset import Dataset, Shard, sample_id
from curation.download import Download
from curation.download.image_settings import ImageSettings
from curation.reasons import Reason
from curation.schemas import URLS
from curation.tar import read_tar
from pipelines.chain import run_chain
from tests.curation.download.poison import DEADLY
from tests.curation.download.server import serving
from tests.pipelines.shards import SMALL


@dataclass(kw_only=True)
class DeadlyDownload(Download):
    """Download where Pillow has a fatal bug, in the worker and in what the worker starts."""

    def setup(self) -> None:
        runpy.run_path(str(DEADLY / "sitecustomize.py"))
        sys.path.insert(0, str(DEADLY))
        super().setup()


@pytest.mark.usefixtures("ray_cluster")
def test_two_attempts_are_enough_for_a_shard_with_any_number_of_poisons(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    download = DeadlyDownload(image=ImageSettings(min_size=16), allow_hosts=["127.0.0.1"], threads=2, resources=SMALL)
    with serving() as server:
        shards = [
            _write(dataset, 0, [server.url(f"/image/?seed={seed}") for seed in range(3)]),
            _write(dataset, 1, [server.url(path) for path in ("/poison/", "/image/", "/poison/?seed=1")]),
        ]
        result = run_chain(dataset, [download], shards, attempts=2)
    assert result.failures == []
    assert (result.tallies["images"].rows, result.tallies["images"].kept) == (6, 4)
    reasons = storage.read_table(dataset.image_table(shards[1]), ["reason"])["reason"].to_pylist()
    assert reasons == [Reason.QUARANTINED, None, Reason.QUARANTINED]
    assert [len(list(read_tar(dataset.image_tar(shard)))) for shard in shards] == [3, 1]
    assert {path.suffix for path in (tmp_path / "images").iterdir()} == {".tar", ".parquet"}


def _write(dataset: Dataset, index: int, urls: list[str]) -> Shard:
    shard = Shard(index=index)
    rows = [{"sample_id": sample_id(url), "url": url, "alt_text": "a caption", "source": "test"} for url in urls]
    storage.write_table(dataset.urls(shard), pa.Table.from_pylist(rows, schema=URLS))
    return shard
