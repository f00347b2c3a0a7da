"""URLs to tar, the Download stage against img2dataset's own command: seconds, and CPU-seconds of the client.

python -m benchmarks.download --urls 4000 --pairs 5

Both run in turn as fresh processes, start-up included, with the same number of threads, resize and quality, over the
same photographs on a server on loopback, which shares the cores: hence the CPU-seconds, and what the server itself
took. First, what they keep is compared.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.interleaved import machine
from curation import storage
from curation.dataset import Dataset, Shard, sample_id
from curation.schemas import SUCCESS, URLS

IMAGE_SIZE, QUALITY = 512, 95
ROWS = 1000
"""Rows of a shard, for both."""

VARIANTS = 8
"""Of each photograph at each size: more than a processor's cache holds."""

GOALS = {0.0: 1.3, 0.5: 2.5}
"""Share of images under the size floor, to the times that the stage is to be faster."""

STAGE = """
import json, sys
from curation.dataset import Dataset
from curation.download import Download
from curation.download.image_settings import ImageSettings
settings = json.loads(sys.argv[2])
dataset, stage = Dataset(sys.argv[1]), Download(**{**settings, "image": ImageSettings(**settings["image"])})
stage.setup()
for shard in dataset.shards():
    stage.process(dataset, shard)
"""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run took, in seconds of the clock and of all its processes' CPU."""

    wall: float
    cpu: float


@dataclass(frozen=True, kw_only=True)
class Work:
    """What both do."""

    folder: Path
    urls: list[str]
    min_size: int
    threads: int

    def stage(self) -> tuple[list[str], Path]:
        """The stage as a worker of a pipeline runs it, in a process of its own; where its files are."""
        root = self.folder / "stage"
        shutil.rmtree(root / "images", ignore_errors=True)
        settings = {
            "image": {"size": IMAGE_SIZE, "quality": QUALITY, "min_size": self.min_size},
            **{"threads": self.threads, "allow_hosts": ["127.0.0.1"]},
        }
        return [sys.executable, "-W", "ignore", "-c", STAGE, str(root), json.dumps(settings)], root / "images"

    def img2dataset(self) -> tuple[list[str], Path]:
        """img2dataset's own command; where its files are."""
        root = self.folder / "img2dataset"
        shutil.rmtree(root, ignore_errors=True)
        options = {
            **{"url_list": self.folder / "urls.parquet", "input_format": "parquet", "url_col": "url"},
            **{"caption_col": "alt_text", "output_format": "webdataset", "output_folder": root},
            **{"image_size": IMAGE_SIZE, "resize_mode": "keep_ratio", "resize_only_if_bigger": True},
            **{"encode_quality": QUALITY, "min_image_size": self.min_size, "thread_count": self.threads},
            **{"processes_count": 1, "number_sample_per_shard": ROWS},
        }
        command = str(Path(sys.executable).with_name("img2dataset"))
        return [command, *(f"--{name}={value}" for name, value in options.items())], root

    def write_inputs(self) -> None:
        """The same URLs in both layouts."""
        rows = [{"sample_id": sample_id(url), "url": url, "alt_text": "a", "source": "benchmark"} for url in self.urls]
        table, dataset = pa.Table.from_pylist(rows, schema=URLS), Dataset(str(self.folder / "stage"))
        pq.write_table(table, self.folder / "urls.parquet")
        for index, start in enumerate(range(0, len(rows), ROWS)):
            storage.write_table(dataset.urls(Shard(index=index)), table.slice(start, ROWS))


def run(prepare: Callable[[], tuple[list[str], Path]]) -> tuple[Cost, set[str]]:
    """Run a command to its end; what it cost, and the URLs whose images it kept."""
    command, folder = prepare()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NO_ALBUMENTATIONS_UPDATE": "1", "PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        if status:
            log.seek(0)
            raise RuntimeError(
                f"{command[0]} ended with status {status}: {log.read().decode(errors='replace')[-2000:]}"
            )
    tables = [pq.read_table(path, columns=["url", "status"]) for path in sorted(folder.glob("*.parquet"))]
    rows = pa.concat_tables(tables).to_pylist()
    return Cost(wall=wall, cpu=used.ru_utime + used.ru_stime), {row["url"] for row in rows if row["status"] == SUCCESS}


@contextlib.contextmanager
def photographs(small_share: float, variants: int = 1) -> Iterator[tuple[str, str]]:
    """The server: its address, and what it says of its photographs."""
    settings = ["--small-share", str(small_share), "--variants", str(variants)]
    command = [sys.executable, "-m", "benchmarks.photograph_server", *settings]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            port, _, said = server.stdout.readline().strip().partition(" ")
            yield f"http://127.0.0.1:{port}", said
        finally:
            server.terminate()


def served_seconds(address: str) -> float:
    """Seconds of CPU that the server has used."""
    with urllib.request.urlopen(f"{address}/cpu") as answer:
        return float(answer.read())


def compare(urls: int, pairs: int, threads: int, small_share: float) -> str:
    """A row of the table.

    Raises:
        RuntimeError: the two did not keep the same images.
    """
    served = photographs(small_share, VARIANTS)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, served as (address, said):
        work = Work(
            folder=Path(folder),
            urls=[f"{address}/{number}.jpg" for number in range(urls)],
            min_size=IMAGE_SIZE if small_share else 64,
            threads=threads,
        )
        work.write_inputs()
        kept, others = run(work.stage)[1], run(work.img2dataset)[1]
        if kept != others:
            raise RuntimeError(f"{len(kept ^ others)} images were kept by one and not by the other: nothing to compare")
        before = served_seconds(address)
        costs: list[tuple[Cost, Cost]] = [(run(work.img2dataset)[0], run(work.stage)[0]) for _ in range(pairs)]
        server = 1000 * (served_seconds(address) - before) / (2 * pairs * urls)
    walls = statistics.median(theirs.wall for theirs, _ in costs), statistics.median(ours.wall for _, ours in costs)
    cpus = [1000 * statistics.median(cost.cpu for cost in side) / urls for side in zip(*costs, strict=True)]
    faster = statistics.median(theirs.wall / ours.wall for theirs, ours in costs)
    cheaper = statistics.median(theirs.cpu / ours.cpu for theirs, ours in costs)
    goal = GOALS.get(small_share)
    verdict = (
        "no goal"
        if goal is None
        else f"goal {goal}x {'met' if faster >= goal else 'missed'} by {abs(faster - goal):.2f}"
    )
    return (
        f"| {urls} URLs, {small_share:.0%} under {IMAGE_SIZE} px ({said}), {len(kept)} kept | "
        f"{walls[0]:.1f} s, {cpus[0]:.1f} ms | {walls[1]:.1f} s, {cpus[1]:.1f} ms | "
        f"{faster:.2f}x the speed, {cheaper:.2f}x less CPU | {server:.2f} ms | {verdict} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the Download stage against img2dataset's own command.")
    parser.add_argument("--urls", type=int, default=4000)
    parser.add_argument("--pairs", type=int, default=5, help="timed runs of each, in turn")
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--small-share", type=float, nargs="+", default=list(GOALS), help="of images under the floor")
    arguments = parser.parse_args()
    print(
        f"{machine()}; {arguments.pairs} pairs, {arguments.threads} threads, load {os.getloadavg()[0]:.1f} at the start"
    )
    sides = "img2dataset: time, CPU an image | Download: time, CPU an image"
    print(f"| work | {sides} | median of the pairs | server: CPU an image | goal |")
    print("|---|---|---|---|---|---|")
    for share in arguments.small_share:
        print(compare(arguments.urls, arguments.pairs, arguments.threads, share), flush=True)


if __name__ == "__main__":
    main()
