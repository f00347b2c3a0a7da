"""Ten times the input takes no more memory: the peak of real processes stays within a tenth."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet
from curation.duplicates import Duplicates
from curation.schemas import CAPTIONS, FAILED_TO_DOWNLOAD, IMAGES, SCORES, SELECTION, SUCCESS, URLS
from curation.sources import Laion, buckets, url_tables
from pipelines import hosts, merge, repair, status
from pipelines.candidates import MergeInput
from tests.pipelines import small_run

TENTH = 1.1
ROWS = 200
"""Of a shard."""

Peaks = dict[int, int]
"""The most KiB that each process has held so far, by process id."""


def peak_of(work: Callable[[Path], None], folder: Path) -> int:
    """The most KiB that a new process holds while it does `work`."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=work, args=(folder,))
    process.start()
    peaks = _watch([lambda: {process.pid or 0}], process)
    assert process.exitcode == 0
    return max(peaks.values())


def _watch(groups: list[Callable[[], set[int]]], process: "multiprocessing.process.BaseProcess") -> Peaks:
    """Look at the processes in `groups` until `process` has ended."""
    peaks: Peaks = {}
    while process.is_alive():
        for pid in set().union(*(group() for group in groups)):
            peaks[pid] = max(peaks.get(pid, 0), _high_water(pid))
        time.sleep(0.02)
    process.join()
    return peaks


def _high_water(pid: int) -> int:
    """VmHWM in KiB, 0 for a process that is gone: a later look finds no less."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def _ray_workers() -> Iterator[int]:
    """The processes in which stages work, of this process's own Ray: children of its raylet, which is its child."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "cmdline").read_bytes()
            if name.startswith(b"ray::MapWorker") and _parent(_parent(int(folder.name))) == os.getpid():
                yield int(folder.name)
        except OSError:
            continue  # it has ended


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_branch_of_ten_times_the_shards(ray_cluster: str, tmp_path: Path) -> None:
    drivers, workers = [], []
    for archives in (3, 30):
        world, folder = tmp_path / f"world {archives}", tmp_path / f"run {archives}"
        small_run.write_journeydb(world, archives=archives, images=4)
        process = multiprocessing.get_context("spawn").Process(
            target=small_run.run_branch, args=(world, folder, ray_cluster)
        )
        process.start()
        driver = process.pid or 0
        peaks = _watch([lambda driver=driver: {driver}, lambda: set(_ray_workers())], process)
        assert process.exitcode == 0
        drivers.append(peaks.pop(driver))
        workers.append(max(peaks.values()))
    assert drivers[1] < TENTH * drivers[0]
    assert workers[1] < TENTH * workers[0]


def plan_metadata(folder: Path) -> None:
    buckets.BUFFER_BYTES, buckets.ROWS_PER_BUCKET, url_tables._BATCH_ROWS = 1 << 20, 10_000, 2_000
    Laion(metadata=str(folder / "metadata"), rows_per_shard=5 * ROWS).plan(Dataset(str(folder / "laion")))


def test_ten_times_the_rows_of_metadata(tmp_path: Path) -> None:
    peaks = []
    for rows in (25_000, 250_000):
        folder = tmp_path / str(rows)
        (folder / "metadata").mkdir(parents=True)
        urls = [f"http://host{number % 997}.example/{number}.jpg" for number in range(rows)]
        table = pa.table({"url": urls, "caption": urls})
        pq.write_table(table, folder / "metadata" / "0.parquet", row_group_size=2_000)
        peaks.append(peak_of(plan_metadata, folder))
    assert peaks[1] < TENTH * peaks[0]


def plan_the_merge(folder: Path) -> None:
    dataset = Dataset(str(folder / "laion"))
    given = {"laion": MergeInput(dataset=dataset, captions="new", shards=dataset.shards())}
    merge.plan_merge(given, TrainingSet(str(folder / "training")), 5 * ROWS, Duplicates())


def read_what_is_there(folder: Path) -> None:
    dataset = Dataset(str(folder / "laion"))
    assert sum(level.rows for funnel in status.funnels(str(folder)) for level in funnel.levels)
    assert hosts.worst_hosts(str(folder))
    assert repair.write_repair(dataset).rows


@pytest.mark.parametrize("work", [plan_the_merge, read_what_is_there])
def test_ten_times_the_images(work: Callable[[Path], None], tmp_path: Path) -> None:
    peaks = []
    for shards in (40, 400):
        write_captioned(Dataset(str(tmp_path / str(shards) / "laion")), shards)
        peaks.append(peak_of(work, tmp_path / str(shards)))
    assert peaks[1] < TENTH * peaks[0]


def write_captioned(dataset: Dataset, shards: int) -> None:
    """Shards of ROWS captioned images, one in a hundred of them a near duplicate, and as many links that failed."""
    dice = np.random.default_rng(0)
    for index in range(shards):
        shard, numbers = Shard(index=index), np.arange(index * ROWS, (index + 1) * ROWS)
        words = dice.integers(0, 2**63, (ROWS, 2), dtype=np.uint64)
        words[::100, 1] = 7
        ids = [f"{word:016x}" for word in words[:, 0].tolist()]
        failed = [number % 100 == 1 for number in range(ROWS)]
        urls = [f"http://host{number % 97}.example/{number}.jpg" for number in numbers.tolist()]
        texts = [f"a picture of {number % 1000} things" for number in numbers.tolist()]
        columns = {
            "key": [f"{index:05d}{row:04d}" for row in range(ROWS)],
            "sample_id": ids,
            "url": urls,
            "alt_text": texts,
            "caption": texts,
            "source": ["laion"] * ROWS,
            "status": [FAILED_TO_DOWNLOAD if row else SUCCESS for row in failed],
            "reason": ["timeout" if row else None for row in failed],
            "sha256": [f"{word:064x}" for word in words[:, 0].tolist()],
            "phash": [f"{word:016x}" for word in words[:, 1].tolist()],
            "aesthetic": dice.random(ROWS).tolist(),
            "short_edge": [512] * ROWS,
            "kept": [True] * ROWS,
            "finish_reason": ["stop"] * ROWS,
        }
        for path, schema in (
            (dataset.urls(shard), URLS),
            (dataset.image_table(shard), IMAGES),
            (dataset.scores(shard), SCORES),
            (dataset.selection(shard), SELECTION),
            (dataset.captions("new", shard), CAPTIONS),
        ):
            arrays = [pa.array(columns.get(field.name, [None] * ROWS), field.type) for field in schema]
            storage.write_table(path, pa.table(arrays, schema=schema))
    plan = {"rows": shards * ROWS, "kept": shards * ROWS, "rejects": {}, "shards": shards}
    storage.write_json(storage.join(dataset.root, "urls", "plan.json"), plan)
    storage.write_json(dataset.manifest(), {"contract": 1, "steps": []})
