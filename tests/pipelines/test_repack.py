import json
from pathlib import Path

import pyarrow as pa
import pytest
import webdataset

from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet, sample_id
from curation.schemas import CAPTIONS, TRAINING
from curation.tar import read_tar
from pipelines.candidates import MergeInput
from pipelines.merge import PLAN, plan_merge
from pipelines.repack import Repack
from tests.pipelines.shards import jpeg, write_branch

FIRST = Shard(index=0)


def planned(folder: Path) -> tuple[Repack, Dataset]:
    branches = {
        "web": write_branch(str(folder / "web"), source="laion", shards=2, rows=8, captions="cogvlm"),
        "art": write_branch(str(folder / "art"), source="journeydb", shards=1, rows=8, captions="own", first=100),
    }
    names = {"web": "cogvlm", "art": "own"}
    inputs = {
        name: MergeInput(dataset=dataset, captions=names[name], shards=dataset.shards())
        for name, dataset in branches.items()
    }
    training_set = TrainingSet(str(folder / "set"))
    plan_merge(inputs, training_set, samples_per_shard=10)
    return Repack(branches={name: branches[name].root for name in branches}), Dataset(training_set.root)


def test_a_training_shard_holds_image_caption_and_origin_of_every_planned_sample(tmp_path: Path) -> None:
    repack, dataset = planned(tmp_path)
    training_set = TrainingSet(dataset.root)
    results = [repack.process(dataset, shard) for shard in training_set.planned_shards()]
    assert [(result.rows, result.kept) for result in results] == [(10, 10), (5, 5)]

    samples = {key: parts for shard in training_set.shards() for key, parts in read_tar(training_set.tar(shard))}
    assert len(samples) == 15
    for number, source, captioner in ((4, "laion", "cogvlm"), (13, "laion", "cogvlm"), (107, "journeydb", "own")):
        parts = samples[sample_id(f"http://host/{number}.jpg")]
        described = json.loads(parts["json"])
        assert parts["jpg"] == jpeg(number)
        assert parts["txt"].decode() == f"a picture of number {number}"
        assert described["source"] == source
        assert described["captioner"] == captioner
        assert described["alt_text"] == f"alt {number}"
        assert (described["aesthetic"], described["short_edge"], described["original_width"]) == (6.5, 1200, 1600)
    assert json.loads(samples[sample_id("http://host/3.jpg")]["json"])["alt_text"] is None


def test_captions_are_those_that_the_plan_names(tmp_path: Path) -> None:
    repack, dataset = planned(tmp_path)
    web, training_set = Dataset(str(tmp_path / "web")), TrainingSet(dataset.root)
    for shard in web.shards():
        captions = storage.read_table(web.captions("cogvlm", shard)).to_pylist()
        captions = [{**row, "caption": f"other {row['key']}"} for row in captions]
        storage.write_table(web.captions("other", shard), pa.Table.from_pylist(captions, CAPTIONS))
    plan = storage.read_table(training_set.plan(FIRST)).to_pylist()
    changed = next(row for row in plan if row["branch"] == "web")
    changed["captions"] = "other"
    storage.write_table(training_set.plan(FIRST), pa.Table.from_pylist(plan, PLAN))
    repack.process(dataset, FIRST)
    rows = {row["sample_id"]: row for row in storage.read_table(training_set.table(FIRST)).to_pylist()}
    assert {row["captioner"] for row in rows.values()} == {"cogvlm", "own", "other"}
    assert [row["sample_id"] for row in rows.values() if row["captioner"] == "other"] == [changed["sample_id"]]
    assert rows[changed["sample_id"]]["caption"] == f"other {changed['key']}"


def test_the_table_has_the_rows_of_the_tar_without_the_images(tmp_path: Path) -> None:
    repack, dataset = planned(tmp_path)
    repack.process(dataset, FIRST)
    training_set = TrainingSet(dataset.root)
    table = storage.read_table(training_set.table(FIRST))
    assert table.schema.names == TRAINING.names
    tar = list(read_tar(training_set.tar(FIRST)))
    assert table["sample_id"].to_pylist() == [key for key, _ in tar]
    assert table["caption"].to_pylist() == [parts["txt"].decode() for _, parts in tar]
    first = next(iter(webdataset.WebDataset(training_set.tar(FIRST), shardshuffle=False).decode("pil")))
    assert first["jpg"].size == (16, 12)


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    repack, dataset = planned(tmp_path)
    training_set = TrainingSet(dataset.root)
    repack.process(dataset, FIRST)
    before = [Path(path).read_bytes() for path in (training_set.tar(FIRST), training_set.table(FIRST))]
    repack.process(dataset, FIRST)
    assert [Path(path).read_bytes() for path in (training_set.tar(FIRST), training_set.table(FIRST))] == before


def test_an_image_that_has_gone_since_the_plan_fails_and_leaves_no_shard(tmp_path: Path) -> None:
    repack, dataset = planned(tmp_path)
    for index in range(2):
        write_branch(str(tmp_path / "web"), source="laion", shards=2, rows=4, captions="cogvlm", first=index)
    with pytest.raises(ValueError, match="planned images are not in their tars any more"):
        repack.process(dataset, FIRST)
    assert TrainingSet(dataset.root).shards() == []
    assert not Path(TrainingSet(dataset.root).tar(FIRST)).exists()
