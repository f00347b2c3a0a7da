"""The folder of models is complete, small and says what is trained."""

import json
from pathlib import Path


def test_every_model_is_where_configurations_look_for_it(models: Path) -> None:
    assert sorted(path.name for path in models.iterdir()) == [
        "clip",
        "cogvlm",
        "cogvlm-tokenizer",
        "models.json",
        "stable-diffusion",
        "t5",
    ]
    for file in ("clip/open_clip_config.json", "clip/aesthetic_head.pth", "cogvlm/config.json", "t5/config.json"):
        assert (models / file).is_file()


def test_they_are_small(models: Path) -> None:
    assert sum(path.stat().st_size for path in models.rglob("*")) < 12_000_000


def test_the_record_says_of_each_whether_it_was_trained(models: Path) -> None:
    record = json.loads((models / "models.json").read_text())
    assert record["settings"] == {"seed": 1}
    assert {name: entry["trained"] for name, entry in record["models"].items()} == {
        "clip": False,
        "clip/aesthetic_head.pth": True,
        "cogvlm": True,
        "stable-diffusion": False,
        "t5": False,
    }
    assert all(entry["note"] for entry in record["models"].values())


def test_no_file_names_the_folder_that_it_was_made_in(models: Path) -> None:
    for path in models.rglob("*.json"):
        assert str(models.parent) not in path.read_text()
