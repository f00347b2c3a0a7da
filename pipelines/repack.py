"""One training shard from its plan: the images, captions and scores of chosen samples, in sample order."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet
from curation.schemas import TRAINING
from curation.stage import Resources, ShardResult, ShardStage
from curation.tar import SampleSpool, read_tar
from pipelines.merge import PLAN

Row = dict[str, Any]


@dataclass(kw_only=True)
class Repack(ShardStage):
    """Writes `NNNNN.tar` and `NNNNN.parquet` of a training set.

    Args:
        branches: branch to its dataset folder.
        resources: of one worker.
    """

    branches: dict[str, str]
    resources: Resources = field(default_factory=Resources)

    @property
    def folder(self) -> str:
        """Training shards stand in the set's own folder."""
        return "shards"

    def output(self, dataset: Dataset, shard: Shard) -> str:
        """The Parquet, which is written after the tar."""
        return TrainingSet(dataset.root).table(shard)

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Fill one training shard.

        Raises:
            ValueError: an image of the plan is not in its tar any more.
        """
        start = time.monotonic()
        training_set = TrainingSet(dataset.root)
        plan = storage.read_table(training_set.plan(shard), PLAN.names)
        rows: list[Row] = []
        with SampleSpool() as spool:
            for row, image in self._samples(plan):
                described = {name: value for name, value in row.items() if name != "caption"}
                text = json.dumps(described, ensure_ascii=False, sort_keys=True)
                spool.add(row["sample_id"], {"jpg": image, "txt": row["caption"].encode(), "json": text.encode()})
                rows.append(row)
            self._require_all(training_set, plan, rows)
            with storage.atomic_writer(training_set.tar(shard)) as file:
                spool.write(file)
        table = pa.Table.from_pylist(rows, TRAINING).sort_by("sample_id")
        storage.write_table(training_set.table(shard), table)
        return ShardResult(rows=plan.num_rows, kept=len(rows), seconds=time.monotonic() - start)

    def _require_all(self, training_set: TrainingSet, plan: pa.Table, rows: list[Row]) -> None:
        lost = sorted(set(plan["sample_id"].to_pylist()) - {row["sample_id"] for row in rows})
        if lost:
            raise ValueError(
                f"{len(lost)} of {plan.num_rows} planned images are not in their tars any more "
                f"({', '.join(lost[:3])}, ...): delete {training_set.root} to merge anew"
            )

    def _samples(self, plan: pa.Table) -> Iterator[tuple[Row, bytes]]:
        """The planned samples as (TRAINING row, JPEG), source shard by source shard."""
        for place in (
            plan.group_by(["branch", "shard"])
            .aggregate([])
            .sort_by([("branch", "ascending"), ("shard", "ascending")])
            .to_pylist()
        ):
            here = pc.and_(pc.equal(plan["branch"], place["branch"]), pc.equal(plan["shard"], place["shard"]))
            dataset, shard = Dataset(self.branches[place["branch"]]), Shard(index=place["shard"])
            described = _describe(dataset, shard, plan.filter(here))
            for key, parts in read_tar(dataset.image_tar(shard)):
                if key in described:
                    yield described[key], parts["jpg"]


def _describe(dataset: Dataset, shard: Shard, plan: pa.Table) -> dict[str, Row]:
    """TRAINING rows by key, put together from the shard's tables."""
    captioners = dict(zip(plan["key"].to_pylist(), plan["captions"].to_pylist(), strict=True))
    images = _rows(dataset.image_table(shard), plan["key"])
    scores = _rows(dataset.scores(shard), plan["key"])
    captions = {name: _rows(dataset.captions(name, shard), plan["key"]) for name in sorted(set(captioners.values()))}
    source = {
        row["sample_id"]: row["source"]
        for row in storage.read_table(dataset.urls(shard), ["sample_id", "source"]).to_pylist()
    }
    return {
        key: {
            **{column: image[column] for column in TRAINING.names if column in image},
            "source": source[image["sample_id"]],
            "caption": captions[captioners[key]][key]["caption"],
            "alt_text": image["caption"],
            "captioner": captioners[key],
            "aesthetic": _shortest(scores[key]["aesthetic"]),
            "short_edge": scores[key]["short_edge"],
        }
        for key, image in images.items()
    }


def _shortest(score: float | None) -> float | None:
    """The score as it was written: a float32 of four decimals shows sixteen as a Python float."""
    return None if score is None else round(score, 4)


def _rows(path: str, keys: pa.ChunkedArray) -> dict[str, Row]:
    table = storage.read_table(path)
    return {row["key"]: row for row in table.filter(pc.is_in(table["key"], keys.combine_chunks())).to_pylist()}
