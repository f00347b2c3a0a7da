from pathlib import Path

import pyarrow as pa
import pytest

from curation import storage
from curation.dataset import Dataset, Shard
from curation.schemas import IMAGES
from pipelines.hosts import NO_HOST, host_table, worst_hosts


def _write(dataset: Dataset, index: int, rows: list[tuple[str | None, str | None]]) -> None:
    """A shard of (URL, reason); the reason `?` stands for a failure without one."""
    shard = Shard(index=index)
    images = [
        {
            "url": url,
            "status": "failed_to_download" if reason else "success",
            "reason": None if reason == "?" else reason,
        }
        for url, reason in rows
    ]
    storage.write_json(dataset.manifest(), {})
    storage.write_table(dataset.urls(shard), pa.table({"url": [url for url, _ in rows]}))
    storage.write_table(dataset.image_table(shard), pa.Table.from_pylist(images, IMAGES))


def test_hosts_are_counted_over_branches_and_shards_the_worst_first(tmp_path: Path) -> None:
    laion, coyo = Dataset(str(tmp_path / "laion")), Dataset(str(tmp_path / "coyo"))
    _write(laion, 0, [("http://Rotten.example/1.jpg", "dns"), ("http://a.example/1.jpg", None), (None, "bad_url")])
    _write(laion, 1, [("https://rotten.example:8080/2.jpg", "?"), ("http://b.example/", "not_found")])
    _write(
        coyo,
        0,
        [("http://rotten.example/3.jpg", "dns"), ("http://rotten.example/4.jpg", None), ("http://[", "bad_url")],
    )
    hosts = worst_hosts(str(tmp_path))
    assert [host.name for host in hosts] == ["rotten.example", NO_HOST, "b.example", "a.example"]
    rotten = hosts[0]
    assert (rotten.tried, rotten.failures, rotten.share) == (4, {"dns": 2, "download_failed": 1}, 0.25)
    assert (hosts[1].failures, hosts[3].share) == ({"bad_url": 2}, 1)
    assert [host.name for host in worst_hosts(str(tmp_path), 1)] == ["rotten.example"]
    cells = [next(iter(column.cells)) for column in host_table(hosts).columns]
    assert cells == ["rotten.example", "4", "3", "25%", "dns 2, download_failed 1"]


def test_nothing_downloaded_is_said(tmp_path: Path) -> None:
    storage.write_json(Dataset(str(tmp_path)).manifest(), {})
    with pytest.raises(ValueError, match="nothing has been downloaded yet"):
        worst_hosts(str(tmp_path))
