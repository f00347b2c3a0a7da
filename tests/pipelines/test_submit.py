from pathlib import Path

import pytest

from pipelines.pipeline import Branch, Pipeline
from pipelines.submit import CONFIG, files_to_send
from pipelines.train import Train
from tests.pipelines.shards import Numbers


def pipeline(training: str | None = None) -> Pipeline:
    train = Train(config=training, dir="run", training_set="run/training", output="run/connector") if training else None
    return Pipeline(dir="run", branches={"laion": Branch(source=Numbers(shards=1), stages=[])}, train=train)


def test_the_configuration_travels_under_one_name() -> None:
    assert files_to_send(pipeline(), Path("my/own.yaml")) == {CONFIG: Path("my/own.yaml")}


def test_a_training_of_ones_own_travels_under_the_path_that_the_configuration_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = Path("trainings/mine.yaml")
    own.parent.mkdir()
    own.write_text("seed_everything: 0")
    assert files_to_send(pipeline(str(own)), Path("run.yaml")) == {CONFIG: Path("run.yaml"), "trainings/mine.yaml": own}
    assert files_to_send(pipeline(str(own.absolute())), Path("run.yaml")) == {CONFIG: Path("run.yaml")}


def test_a_training_of_the_project_is_there_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sent = files_to_send(pipeline("training/configs/ella_sd15.yaml"), Path("run.yaml"))
    assert sent == {CONFIG: Path("run.yaml")}
