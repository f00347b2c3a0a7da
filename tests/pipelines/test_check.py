from pathlib import Path

import pytest

from curation import storage
from curation.dataset import Dataset
from curation.manifest import record
from pipelines.check import check
from pipelines.errors import UsageError
from pipelines.merge import Merge
from pipelines.pipeline import Branch, Pipeline
from pipelines.train import Train
from tests.pipelines.shards import Append, Numbers


def pipeline(tmp_path: Path, *stages: Append, file: str = "", size: int = 10, config: str = "") -> Pipeline:
    train = Train(config=config, dir=str(tmp_path), training_set="x", output=str(tmp_path / "out")) if config else None
    return Pipeline(
        dir=str(tmp_path),
        branches={"laion": Branch(source=Numbers(shards=1, file=file), stages=list(stages))},
        merge=Merge(output=str(tmp_path / "set"), samples_per_shard=size),
        train=train,
    )


CAPTIONS = Append(name="captions/x")


def test_what_can_run_passes_and_nothing_is_written(tmp_path: Path) -> None:
    check(pipeline(tmp_path, CAPTIONS))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_input_is_found(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.parquet: no such file"):
        check(pipeline(tmp_path, CAPTIONS, file=str(tmp_path / "gone.parquet")))


def test_a_stage_that_finds_its_settings_impossible_is_heard(tmp_path: Path) -> None:
    class Impossible(Append):
        def check(self, dataset: Dataset) -> None:
            raise ValueError(f"cannot work in {dataset.root}")

    with pytest.raises(ValueError, match=r"cannot work in .*laion"):
        check(pipeline(tmp_path, CAPTIONS, Impossible(name="b")))


def test_changed_settings_of_a_branch_are_found(tmp_path: Path) -> None:
    old = pipeline(tmp_path, CAPTIONS)
    old.branches["laion"].source.plan(old.dataset("laion"))
    storage.write_text(CAPTIONS.output(old.dataset("laion"), old.dataset("laion").shards()[0]), "x")
    record(old.dataset("laion").manifest(), old.steps("laion"))
    with pytest.raises(UsageError, match='text: "line" -> "new"'):
        check(pipeline(tmp_path, Append(name="captions/x", text="new")))


def test_changed_settings_of_the_merge_are_found(tmp_path: Path) -> None:
    old = pipeline(tmp_path, CAPTIONS)
    assert old.merge is not None
    storage.write_json(str(tmp_path / "set" / "plan" / "summary.json"), {})
    record(str(tmp_path / "set" / "dataset.json"), old.merge_steps(old.merge))
    with pytest.raises(UsageError, match="samples_per_shard: 10 -> 11"):
        check(pipeline(tmp_path, CAPTIONS, size=11))


def test_a_missing_training_configuration_is_found(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"train\.config: no file nowhere\.yaml"):
        check(pipeline(tmp_path, CAPTIONS, config="nowhere.yaml"))
