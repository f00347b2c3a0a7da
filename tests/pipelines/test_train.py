from pathlib import Path

import pytest
import yaml

from curation import storage
from curation.manifest import ChangedSettingsError, record
from pipelines.train import Train


def train(tmp_path: Path, steps: int = 3) -> Train:
    config = tmp_path / "train.yaml"
    config.write_text(yaml.safe_dump({"trainer": {"max_steps": steps}}))
    return Train(
        config=str(config), dir=str(tmp_path), training_set=str(tmp_path / "set"), output=str(tmp_path / "connector")
    )


def trained(tmp_path: Path) -> None:
    """Leave what a finished training leaves."""
    record(str(tmp_path / "connector" / "training.json"), [train(tmp_path)._step()])
    storage.write_text(train(tmp_path).connector, "weights")


def test_a_training_is_done_when_its_connector_stands(tmp_path: Path) -> None:
    assert not train(tmp_path).done
    trained(tmp_path)
    assert train(tmp_path).done
    train(tmp_path).check()


def test_a_changed_configuration_over_a_connector_is_refused(tmp_path: Path) -> None:
    trained(tmp_path)
    with pytest.raises(ChangedSettingsError, match=r"config\.trainer\.max_steps: 3 -> 4"):
        train(tmp_path, steps=4).check()


def test_another_training_set_under_a_connector_is_refused(tmp_path: Path) -> None:
    trained(tmp_path)
    storage.write_json(str(tmp_path / "set" / "dataset.json"), {"contract": 1, "steps": []})
    with pytest.raises(ChangedSettingsError, match="training_set: null -> "):
        train(tmp_path).check()


def test_a_configuration_of_the_project_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = Train(config="training/configs/quickstart.yaml", dir="x", training_set="x", output=str(tmp_path / "out"))
    shipped.check()
    missing = Train(config="training/configs/none.yaml", dir="x", training_set="x", output=str(tmp_path / "out"))
    with pytest.raises(ValueError, match=r"no file training/configs/none\.yaml, here or in .*training/configs"):
        missing.check()
