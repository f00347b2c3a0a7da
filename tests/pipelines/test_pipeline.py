from dataclasses import dataclass
from pathlib import Path

import pytest

from captioning.keep_captions import KeepCaptions
from curation import storage
from curation.dataset import Dataset, Shard
from curation.duplicates import Duplicates
from curation.manifest import record
from curation.revision import folder_revision
from curation.selection import Select
from pipelines.check import check
from pipelines.errors import UsageError
from pipelines.merge import Merge
from pipelines.pipeline import Branch, Pipeline
from tests.pipelines.shards import Append, Numbers, write_branch


def branch(**changes: object) -> Branch:
    stages = changes.pop("stages", [Append(name="a"), Append(name="captions/x", after="a")])
    return Branch(source=Numbers(shards=2), stages=stages)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"attempts": 0}, "attempts=0"),
        ({"branches": {}}, "branches is empty"),
        ({"branches": {"laion": branch(stages=[Append(name="a"), Append(name="a")])}}, "two stages write a"),
        ({"branches": {"laion": branch(stages=[Append(name="a")])}, "merge": Merge(output="x")}, "makes no captions"),
        ({"caches": [Append(name="latents")]}, "caches are of a merged set, and there is no merge"),
        ({"caches": [Append(name="b")] * 2, "merge": Merge(output="x")}, "two caches have one name among b, b"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pipeline(**{"dir": "run", "branches": {"laion": branch()}, **fields})  # type: ignore[arg-type]


def test_the_merge_takes_the_captions_of_the_last_captioning_stage_or_those_it_is_told(tmp_path: Path) -> None:
    stages = [Select(), KeepCaptions(name="own"), KeepCaptions(name="other")]
    branches = {"art": Branch(source=Numbers(shards=1), stages=stages)}
    merge = Merge(output=str(tmp_path / "set"))
    assert Pipeline(dir=str(tmp_path), branches=branches, merge=merge).captions_of("art") == "other"
    merge = Merge(output=str(tmp_path / "set"), captions={"art": "own"})
    assert Pipeline(dir=str(tmp_path), branches=branches, merge=merge).captions_of("art") == "own"
    merge = Merge(output=str(tmp_path / "set"), captions={"art": {"own": 1.0, "other": 2.0}})
    pipeline = Pipeline(dir=str(tmp_path), branches=branches, merge=merge)
    assert pipeline.captions_of("art") == {"own": 1.0, "other": 2.0}
    pipeline.branches["art"].source.plan(pipeline.dataset("art"))
    assert pipeline.merge_inputs()["art"].captions == {"own": 1.0, "other": 2.0}


def test_steps_count_the_files_that_are_there(tmp_path: Path) -> None:
    pipeline = Pipeline(dir=str(tmp_path), branches={"laion": branch()})
    dataset = pipeline.dataset("laion")
    pipeline.branches["laion"].source.plan(dataset)
    storage.write_text(storage.join(dataset.root, "a", "00001.txt"), "x")
    steps = pipeline.steps("laion")
    assert [(step.name, step.files) for step in steps] == [("urls", 2), ("a", 1), ("captions/x", 0)]
    assert steps[1].settings["text"] == "line"
    assert steps[1].redo == f"{dataset.root}/a"


@dataclass(kw_only=True)
class Loading(Append):
    """A stage with weights."""

    weights: list[str]

    def loads(self) -> list[str]:
        return self.weights


def test_weights_that_are_replaced_under_the_same_path_are_noticed(tmp_path: Path) -> None:
    head = tmp_path / "models" / "head.pth"
    head.parent.mkdir()
    head.write_bytes(b"one")
    stages = [Loading(name="a", weights=[str(head), "ViT-L-14"]), Append(name="captions/x", after="a")]
    pipeline = Pipeline(dir=str(tmp_path), branches={"laion": branch(stages=stages)})
    dataset = pipeline.dataset("laion")
    pipeline.branches["laion"].source.plan(dataset)
    storage.write_text(storage.join(dataset.root, "captions/x", "00001.txt"), "x")
    record(dataset.manifest(), pipeline.steps("laion"))
    weights = {step.name: step.settings.get("weights") for step in pipeline.steps("laion")}
    revision = folder_revision(str(head))
    assert weights == {
        "urls": None,
        "a": [{"path": "${dir}/models/head.pth", "revision": revision}],
        "captions/x": None,
    }
    check(pipeline)
    head.write_bytes(b"two")
    with pytest.raises(UsageError, match=r"captions/x/ were made with other settings of a: weights\[0\]\.revision: "):
        check(pipeline)


def test_all_shards_come_out_of_one_part_before_the_next(tmp_path: Path) -> None:
    select = Select(duplicates=Duplicates())
    parts = branch(stages=[Append(name="a"), select, Append(name="captions/x", after="a")]).parts()
    assert [[stage.folder for stage in part] for part in parts] == [["a", "candidates"], ["selection", "captions/x"]]
    assert [len(part) for part in branch().parts()] == [2]


def test_only_shards_that_every_stage_has_finished_are_merged(tmp_path: Path) -> None:
    write_branch(str(tmp_path / "laion"), source="laion", shards=3, rows=5, captions="new")
    stages = [Select(), KeepCaptions(name="new")]
    pipeline = Pipeline(
        dir=str(tmp_path),
        branches={"laion": Branch(source=Numbers(shards=3), stages=stages)},
        merge=Merge(output=str(tmp_path / "set")),
    )
    Path(Dataset(str(tmp_path / "laion")).captions("new", Shard(index=1))).unlink()
    assert [shard.index for shard in pipeline.merge_inputs()["laion"].shards] == [0, 2]
