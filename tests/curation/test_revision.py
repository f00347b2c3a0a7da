"""The name of what a checkpoint holds."""

from pathlib import Path

import pytest

from curation.revision import folder_revision


def checkpoint(folder: Path, *, config: str = "{}", weights: bytes = b"weights", name: str = "model") -> str:
    folder.mkdir(parents=True)
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


def test_weights_replaced_under_the_same_path_are_noticed(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "pipeline" / "unet")
    before = folder_revision(str(tmp_path / "pipeline"))
    (tmp_path / "pipeline" / "unet" / "model.safetensors").write_bytes(b"WEIGHTS")
    assert folder_revision(str(tmp_path / "pipeline")) != before
    assert folder_revision(folder) != before


def test_a_file_of_weights_is_named_by_its_content(tmp_path: Path) -> None:
    head, copy = tmp_path / "head.pth", tmp_path / "copy.bin"
    head.write_bytes(b"weights")
    copy.write_bytes(b"weights")
    assert folder_revision(str(head)) == folder_revision(str(copy))
    copy.write_bytes(b"weightz")
    assert folder_revision(str(head)) != folder_revision(str(copy))


def test_the_end_of_a_large_file_counts_and_its_size(tmp_path: Path) -> None:
    large = tmp_path / "model.pt"
    large.write_bytes(b"0" * (1 << 20) + b"end")
    names = {folder_revision(str(large))}
    large.write_bytes(b"0" * (1 << 20) + b"END")
    names.add(folder_revision(str(large)))
    large.write_bytes(b"0" * (1 << 20) + b"0END")
    names.add(folder_revision(str(large)))
    assert len(names) == 3


def test_files_that_come_later_and_are_no_part_of_it_change_nothing(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "a")
    before = folder_revision(folder)
    (tmp_path / "a" / "README.md").write_text("x")
    assert folder_revision(folder) == before


def test_what_is_not_there_has_none() -> None:
    assert folder_revision("someone/on-the-hub") is None
