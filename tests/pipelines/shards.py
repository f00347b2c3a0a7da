"""Shards made by hand in the contract's formats, and stages small enough to see through, for the pipeline's tests."""

import io
import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from PIL import Image

from captioning.statistics import CaptionPartials
from curation import storage
from curation.dataset import Dataset, Shard, sample_id
from curation.schemas import CAPTIONS, FAILED_TO_DOWNLOAD, IMAGES, SCORES, SELECTION, SUCCESS, URLS
from curation.sources.source import InputFile, Plan, Source
from curation.stage import Resources, ShardResult, ShardStage
from curation.tar import TarWriter

SMALL = Resources(cpus=0.1)


def jpeg(seed: int) -> bytes:
    """A JPEG of one colour that tells seeds apart."""
    file = io.BytesIO()
    Image.new("RGB", (16, 12), (seed * 37 % 256, seed * 91 % 256, seed % 256)).save(file, "JPEG")
    return file.getvalue()


def write_branch(root: str, *, source: str, shards: int, rows: int, captions: str, first: int = 0) -> Dataset:
    """A finished branch. Of each shard's rows, by number within it: 0 is dead, 1 scores low, 2 has no caption.

    Sample `first + n` of the branch has the URL `http://host/{first + n}.jpg`, so branches that overlap in their
    numbers overlap in their samples.
    """
    dataset = Dataset(root)
    for index in range(shards):
        write_shard(
            dataset, Shard(index=index), source=source, rows=rows, captions=captions, first=first + index * rows
        )
    plan = {"rows": shards * rows, "kept": shards * rows, "rejects": {}, "shards": shards}
    storage.write_json(storage.join(root, "urls", "plan.json"), plan)
    storage.write_json(dataset.manifest(), {"contract": 1, "steps": []})
    return dataset


def write_shard(dataset: Dataset, shard: Shard, *, source: str, rows: int, captions: str, first: int) -> None:
    urls = [f"http://host/{first + row}.jpg" for row in range(rows)]
    ids = [sample_id(url) for url in urls]
    keys = [f"{shard.index:05d}{row:04d}" for row in range(rows)]
    alt_texts = [None if row == 3 else f"alt {first + row}" for row in range(rows)]
    storage.write_table(
        dataset.urls(shard),
        pa.table({"sample_id": ids, "url": urls, "alt_text": alt_texts, "source": [source] * rows}, URLS),
    )
    images = [
        {
            "sample_id": ids[row],
            "url": urls[row],
            "caption": alt_texts[row],
            "key": keys[row],
            "status": SUCCESS if row else FAILED_TO_DOWNLOAD,
            "reason": None if row else "not_found",
            "width": 16,
            "height": 12,
            "original_width": 1600,
            "original_height": 1200,
        }
        for row in range(rows)
    ]
    fetched = [row for row in range(rows) if row]
    with storage.atomic_writer(dataset.image_tar(shard)) as file, TarWriter(file) as tar:
        for row in fetched:
            tar.write(keys[row], {"jpg": jpeg(first + row), "txt": b"", "json": json.dumps(images[row]).encode()})
    storage.write_table(dataset.image_table(shard), pa.Table.from_pylist(images, IMAGES))
    scores = [
        {"key": keys[row], "sample_id": ids[row], "aesthetic": 5.0 if row == 1 else 6.5, "short_edge": 1200}
        for row in fetched
    ]
    storage.write_table(dataset.scores(shard), pa.Table.from_pylist(scores, SCORES))
    selection = [
        {"key": keys[row], "sample_id": ids[row], "kept": row != 1, "reason": "aesthetic" if row == 1 else None}
        for row in fetched
    ]
    storage.write_table(dataset.selection(shard), pa.Table.from_pylist(selection, SELECTION))
    written = [
        {
            "key": keys[row],
            "sample_id": ids[row],
            "caption": None if row == 2 else f"a picture of number {first + row}",
            "flags": ["empty_caption"] if row == 2 else [],
        }
        for row in fetched
        if row != 1
    ]
    storage.write_table(dataset.captions(captions, shard), pa.Table.from_pylist(written, CAPTIONS))
    partials = {
        "caption": CaptionPartials.of(row["caption"] for row in written if row["caption"]).to_json(),
        "alt_text": CaptionPartials.of(text for text in alt_texts if text).to_json(),
    }
    storage.write_json(dataset.statistics(captions, shard), partials)


@dataclass(kw_only=True)
class Numbers(Source):
    """A source of empty URL shards; an input file, where named, has to exist."""

    shards: int
    file: str = ""

    def inputs(self) -> list[InputFile]:
        if not self.file:
            return []
        return [InputFile(path=self.file, size=storage.size(self.file), sha256="0")]

    def check(self) -> None:
        if self.file and not storage.exists(self.file):
            raise ValueError(f"{self.file}: no such file")

    def write_shards(self, dataset: Dataset) -> Plan:
        for index in range(self.shards):
            storage.write_table(dataset.urls(Shard(index=index)), URLS.empty_table())
        return Plan(rows=0, kept=0, rejects={}, shards=self.shards)


@dataclass(kw_only=True)
class Append(ShardStage):
    """Writes what the stage before it wrote, and one line more; fails or dies where it is told to.

    Args:
        name: the folder it fills.
        after: the folder it reads; empty for the first.
        text: the line.
        log: a folder in which every call leaves a file.
        failing: shard to how many of its calls fail.
        deadly: shards that kill the process.
        broken: whether `setup` fails.
        pause: seconds a shard takes.
    """

    name: str
    after: str = ""
    text: str = "line"
    log: str = ""
    failing: dict[int, int] = field(default_factory=dict)
    deadly: list[int] = field(default_factory=list)
    broken: bool = False
    pause: float = 0.0
    resources: Resources = SMALL

    @property
    def folder(self) -> str:
        return self.name

    def output(self, dataset: Dataset, shard: Shard) -> str:
        return storage.join(dataset.root, self.name, f"{shard.name}.txt")

    def setup(self) -> None:
        if self.broken:
            raise OSError("no model here")

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        calls = self._leave_trace(shard)
        time.sleep(self.pause)
        if shard.index in self.deadly:
            os._exit(1)
        if calls <= self.failing.get(shard.index, 0):
            raise RuntimeError(f"shard {shard.index} does not like call {calls}")
        before = storage.read_text(storage.join(dataset.root, self.after, f"{shard.name}.txt")) if self.after else ""
        storage.write_text(self.output(dataset, shard), f"{before}{self.text}\n")
        return ShardResult(rows=10, kept=9, rejects=Counter({"dns": 1}), seconds=0.5, counts={"lines": 1})

    def _leave_trace(self, shard: Shard) -> int:
        """Count this call among those for the shard, over all processes; 1 for the first."""
        if not self.log:
            return 1
        folder = Path(self.log, f"{self.name}-{shard.name}")
        folder.mkdir(parents=True, exist_ok=True)
        calls = len(list(folder.iterdir())) + 1
        Path(folder, str(calls)).touch()
        return calls
