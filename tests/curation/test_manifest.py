from dataclasses import dataclass, field
from pathlib import Path

import pytest

from curation import storage
from curation.manifest import (
    ChangedSettingsError,
    Settings,
    Step,
    differences,
    fingerprint,
    reconcile,
    record,
    relative_to,
    settings_of,
)
from curation.stage import Resources, execution


@dataclass(kw_only=True)
class Model:
    name: str


@dataclass(kw_only=True)
class Stage:
    model: Model
    sizes: list[int]
    threads: int = execution(8)
    resources: Resources = field(default_factory=Resources)
    loaded: object = field(default=None, init=False)


def test_settings_are_what_the_output_depends_on() -> None:
    stage = Stage(model=Model(name="a"), sizes=[1, 2], threads=4, resources=Resources(cpus=3))
    assert settings_of(stage) == {"class": "Stage", "model": {"class": "Model", "name": "a"}, "sizes": [1, 2]}


def test_differences_name_the_field() -> None:
    old = {"a": {"b": 1, "c": [1, 2]}, "gone": True}
    new = {"a": {"b": 2, "c": [1, 3]}, "new": None, "more": 5}
    assert differences(old, new) == ["a.b: 1 -> 2", "a.c[1]: 2 -> 3", "gone: true -> null", "more: null -> 5"]
    assert differences(old, old) == []


def test_paths_in_the_folder_of_the_run_do_not_name_it() -> None:
    settings = {"a": "/data/run/models", "b": ["/data/run", "/data/runner", 1], "c": {"d": "/data/run/x"}}
    expected = {"a": "${dir}/models", "b": ["${dir}", "/data/runner", 1], "c": {"d": "${dir}/x"}}
    assert relative_to(settings, "/data/run") == expected


def test_a_fingerprint_does_not_depend_on_the_order_of_fields() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def chain(tmp_path: Path, files: int = 1, **settings: Settings) -> list[Step]:
    names = ["urls", "images", "scores", "captions/a", "captions/b"]
    return [Step(name=name, settings=settings.get(name, {}), files=files, redo=str(tmp_path / name)) for name in names]


def test_the_same_settings_are_accepted_and_recorded_once(tmp_path: Path) -> None:
    path = str(tmp_path / "dataset.json")
    reconcile(path, "laion", chain(tmp_path))
    record(path, chain(tmp_path))
    before = Path(path).stat().st_mtime_ns
    reconcile(path, "laion", chain(tmp_path))
    record(path, chain(tmp_path))
    assert Path(path).stat().st_mtime_ns == before


def test_a_changed_setting_over_files_is_refused_by_name(tmp_path: Path) -> None:
    path = str(tmp_path / "dataset.json")
    record(path, chain(tmp_path, scores={"model": "L"}))
    with pytest.raises(ChangedSettingsError, match=r'settings of scores: model: "L" -> "B".*delete .*scores'):
        reconcile(path, "laion", chain(tmp_path, scores={"model": "B"}))


def test_a_changed_setting_without_files_is_accepted(tmp_path: Path) -> None:
    path = str(tmp_path / "dataset.json")
    record(path, chain(tmp_path, files=0, scores={"model": "L"}))
    reconcile(path, "laion", chain(tmp_path, files=0, scores={"model": "B"}))
    record(path, chain(tmp_path, files=0, scores={"model": "B"}))
    assert storage.read_json(path)["steps"][2]["settings"] == {"model": "B"}


def test_files_made_after_a_step_that_changed_are_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "dataset.json")
    record(path, chain(tmp_path, scores={"model": "L"}))
    changed = [
        step if step.name != "scores" else Step(name="scores", settings={"model": "B"}, files=0, redo=step.redo)
        for step in chain(tmp_path)
    ]
    with pytest.raises(ChangedSettingsError, match=r'captions/a/ were made with other settings of scores: model: "L"'):
        reconcile(path, "laion", changed)


def test_a_step_that_this_configuration_lacks_stays_guarded(tmp_path: Path) -> None:
    path = str(tmp_path / "dataset.json")
    record(path, chain(tmp_path, **{"captions/b": {"prompt": "x"}}))
    record(path, chain(tmp_path)[:-1])
    with pytest.raises(ChangedSettingsError, match="captions/b"):
        reconcile(path, "laion", chain(tmp_path, **{"captions/b": {"prompt": "y"}}))


def test_one_captioner_does_not_depend_on_another(tmp_path: Path) -> None:
    path = str(tmp_path / "dataset.json")
    record(path, chain(tmp_path, **{"captions/a": {"prompt": "x"}}))
    changed = [
        step if step.name != "captions/a" else Step(name=step.name, settings={"prompt": "y"}, files=0, redo=step.redo)
        for step in chain(tmp_path)
    ]
    reconcile(path, "laion", changed)
    assert storage.read_json(path)["steps"][4]["inputs"].keys() == {"urls", "images", "scores"}


def test_nothing_depends_on_a_selection_that_is_there_to_be_compared(tmp_path: Path) -> None:
    path = str(tmp_path / "dataset.json")
    steps = [Step(name=name, settings={}, files=1, redo=name) for name in ("urls", "selection/a", "captions/a")]
    record(path, steps)
    assert storage.read_json(path)["steps"][2]["inputs"].keys() == {"urls"}


def test_another_version_of_the_layout_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "dataset.json")
    storage.write_json(path, {"contract": 99, "steps": []})
    with pytest.raises(ChangedSettingsError, match="version 99 of the layout"):
        reconcile(path, "laion", chain(tmp_path))


def test_credentials_are_not_written_and_may_change(tmp_path: Path) -> None:
    path = str(tmp_path / "dataset.json")

    def steps(secret: str, version: int = 1) -> list[Step]:
        settings = {"inputs": [{"path": f"https://me:{secret}@host/a.parquet?version={version}&token={secret}"}]}
        return [Step(name="urls", settings=settings, files=1, redo="urls")]

    record(path, steps("hush-hush"))
    assert "hush-hush" not in storage.read_text(path)
    reconcile(path, str(tmp_path), steps("quiet-now"))
    with pytest.raises(ChangedSettingsError, match="version=2") as refusal:
        reconcile(path, str(tmp_path), steps("quiet-now", version=2))
    assert "quiet-now" not in str(refusal.value)
