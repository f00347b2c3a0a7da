"""A whole run that needs no web and no model, from JourneyDB's archives to a merged set, small enough to do often."""

import io
import json
import tarfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from captioning.keep_captions import KeepCaptions
from curation import storage
from curation.dataset import Dataset, Shard
from curation.download.image_settings import ImageSettings
from curation.duplicates import Duplicates
from curation.schemas import SCORES, SUCCESS
from curation.selection import Select
from curation.sources import ExtractJourneyDB, JourneyDB
from curation.stage import Resources, ShardResult, ShardStage
from curation.tar import read_tar
from pipelines.merge import Merge
from pipelines.pipeline import Branch, Pipeline
from pipelines.run import Run
from tests.pipelines.shards import SMALL

CAPTIONS = "journeydb"
REPEATED = 5
"""Every so many images the first of them comes again, so that there are duplicates within archives and between."""


def picture(seed: int, size: int = 48) -> bytes:
    """A JPEG of coloured squares that tells seeds apart."""
    squares = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(squares).resize((size, size), Image.Resampling.NEAREST).save(file, "JPEG", quality=95)
    return file.getvalue()


def write_journeydb(folder: Path, *, archives: int, images: int) -> None:
    """`annotations.jsonl` and `imgs/000.tgz`, ..., with so many images each."""
    (folder / "imgs").mkdir(parents=True)
    lines = []
    for archive in range(archives):
        with tarfile.open(folder / "imgs" / f"{archive:03d}.tgz", "w:gz", compresslevel=1) as tar:
            for number in range(images):
                path, seed = f"{archive:03d}/{number:04d}.jpg", archive * images + number
                content = picture(0 if seed % REPEATED == 0 else seed)
                member = tarfile.TarInfo(path)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
                caption = f"A picture of {seed} squares, in many colours."
                lines.append(json.dumps({"img_path": f"./{path}", "prompt": "squares", "Task2": {"Caption": caption}}))
    (folder / "annotations.jsonl").write_text("\n".join(lines) + "\n")


@dataclass(kw_only=True)
class Brightness(ShardStage):
    """Writes `scores/` without a model: how bright an image is, 0 to 10."""

    resources: Resources = field(default_factory=Resources, metadata={"execution": True})

    @property
    def folder(self) -> str:
        return "scores"

    def output(self, dataset: Dataset, shard: Shard) -> str:
        return dataset.scores(shard)

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        from imagehash import phash

        started = time.monotonic()
        images = storage.read_table(dataset.image_table(shard), ["key", "sample_id", "status", "original_width"])
        images = images.filter(pc.equal(images["status"], SUCCESS)).sort_by("key")
        decoded = (Image.open(io.BytesIO(parts["jpg"])) for _, parts in read_tar(dataset.image_tar(shard)))
        found = [(round(float(np.asarray(image).mean()) / 25.5, 4), str(phash(image))) for image in decoded]
        columns = {
            "key": images["key"],
            "sample_id": images["sample_id"],
            "aesthetic": pa.array([score for score, _ in found], pa.float32()),
            "short_edge": images["original_width"],
            "clip_similarity": pa.nulls(len(found), pa.float32()),
            "phash": pa.array([looks for _, looks in found], pa.string()),
        }
        storage.write_table(dataset.scores(shard), pa.table(columns).select(SCORES.names).cast(SCORES))
        return ShardResult(rows=len(found), kept=len(found), seconds=time.monotonic() - started)


def small_pipeline(world: Path, folder: Path, *, samples_per_shard: int = 6) -> Pipeline:
    """The run in `folder` over what `write_journeydb` made in `world`; shrinking would load torch, so nothing is."""
    images = str(world / "imgs")
    stages: list[ShardStage] = [
        ExtractJourneyDB(images=images, image=ImageSettings(size=64, min_size=16), resources=SMALL),
        Brightness(resources=SMALL),
        Select(min_aesthetic=4.0, min_short_edge=32, duplicates=Duplicates(), resources=SMALL),
        KeepCaptions(name=CAPTIONS, resources=SMALL),
    ]
    source = JourneyDB(annotations=str(world / "annotations.jsonl"), images=images)
    merge = Merge(output=str(folder / "training"), samples_per_shard=samples_per_shard, resources=SMALL)
    return Pipeline(dir=str(folder), branches={"journeydb": Branch(source=source, stages=stages)}, merge=merge)


def run(world: Path, folder: Path, address: str) -> None:
    """Do the run to its end, or what is left of it; exits with 1 where something is missing."""
    _require_complete(small_pipeline(world, folder), address)


def run_branch(world: Path, folder: Path, address: str) -> None:
    """The same without the merge, whose report loads more than all the rest."""
    _require_complete(replace(small_pipeline(world, folder), merge=None), address)


def _require_complete(pipeline: Pipeline, address: str) -> None:
    if not Run(pipeline, address=address)().complete:
        raise SystemExit(1)


def finished_files(folder: Path) -> dict[str, Path]:
    """Every finished file of a run by its name below `folder`."""
    files = (path for path in folder.rglob("*.*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): path for path in files}
