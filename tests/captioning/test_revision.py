"""The name of what a folder holds."""

from pathlib import Path

import pytest

from captioning.revision import folder_revision


def checkpoint(folder: Path, *, config: str = "{}", weights: bytes = b"weights", name: str = "model") -> str:
    folder.mkdir()
    (folder / "config.json").write_text(config)
    (folder / f"{name}.safetensors").write_bytes(weights)
    return str(folder)


def test_the_same_checkpoint_has_the_same_name_wherever_it_lies(tmp_path: Path) -> None:
    one, two = folder_revision(checkpoint(tmp_path / "one")), folder_revision(checkpoint(tmp_path / "two"))
    assert one == two
    assert one is not None
    assert len(one) == 16


@pytest.mark.parametrize(
    "change",
    [{"config": '{"a": 1}'}, {"weights": b"weightz"}, {"weights": b"0weights"}, {"name": "other"}],
    ids=["config", "weights", "size", "name"],
)
def test_another_checkpoint_has_another(tmp_path: Path, change: dict[str, object]) -> None:
    assert folder_revision(checkpoint(tmp_path / "a")) != folder_revision(checkpoint(tmp_path / "b", **change))


def test_files_that_come_later_and_are_no_part_of_it_change_nothing(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "a")
    before = folder_revision(folder)
    (tmp_path / "a" / "README.md").write_text("x")
    folder_revision.cache_clear()
    assert folder_revision(folder) == before


def test_what_is_no_folder_has_none(tmp_path: Path) -> None:
    assert folder_revision("someone/on-the-hub") is None
