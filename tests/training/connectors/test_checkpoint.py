"""Connector files: found where they are, refused when they do not fit, and the same bytes every time."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from training.connectors.checkpoint import (
    FILE_NAME,
    find_checkpoint,
    load_strictly,
    read_checkpoint,
    write_checkpoint,
)
from training.errors import SettingsError

TENSORS = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.tensor([0.5, -1.0, 2.0])}
METADATA = {"heads": "8", "steps": "30", "seed": "0", "note": "née"}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write_checkpoint(str(tmp_path / "new" / "folder"), TENSORS, METADATA)
    assert path == str(tmp_path / "new" / "folder" / FILE_NAME)
    tensors, metadata = read_checkpoint(path)
    assert metadata == {"format": "pt", **METADATA}
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[key], TENSORS[key]) for key in TENSORS)


def test_the_file_is_plain_safetensors(tmp_path: Path) -> None:
    path = write_checkpoint(str(tmp_path), TENSORS, METADATA)
    with safe_open(path, framework="pt") as opened:
        assert opened.metadata()["note"] == "née"
        assert torch.equal(opened.get_tensor("b"), TENSORS["b"])


def test_the_same_tensors_give_the_same_bytes(tmp_path: Path) -> None:
    written = {Path(write_checkpoint(str(tmp_path), TENSORS, METADATA)).read_bytes() for _ in range(20)}
    assert len(written) == 1


def test_views_are_written_as_what_they_show(tmp_path: Path) -> None:
    view = torch.arange(6.0).reshape(2, 3).T
    tensors, _ = read_checkpoint(write_checkpoint(str(tmp_path), {"view": view}, {}))
    assert torch.equal(tensors["view"], view)


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = Path(write_checkpoint(str(tmp_path), TENSORS, METADATA))
    before = path.read_bytes()
    with pytest.raises(NotImplementedError):
        write_checkpoint(str(tmp_path), {"a": torch.empty(3, device="meta")}, {})
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [FILE_NAME]


def test_half_precision_files_are_read_as_float32(tmp_path: Path) -> None:
    tensors, _ = read_checkpoint(write_checkpoint(str(tmp_path), {"a": TENSORS["a"].half()}, {}))
    assert tensors["a"].dtype == torch.float32
    assert torch.equal(tensors["a"], TENSORS["a"])


def test_a_file_is_found_by_itself_by_its_name_and_alone_in_its_folder(tmp_path: Path) -> None:
    other = tmp_path / "ella-sd1.5-tsc-t5xl.safetensors"
    other.touch()
    assert find_checkpoint(str(other)) == other
    assert find_checkpoint(str(tmp_path)) == other
    named = tmp_path / FILE_NAME
    named.touch()
    assert find_checkpoint(str(tmp_path)) == named


def test_a_folder_without_one_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"with connector\.safetensors; found none"):
        find_checkpoint(str(tmp_path))
    (tmp_path / "x.safetensors").touch()
    (tmp_path / "y.safetensors").touch()
    with pytest.raises(SettingsError, match=r"found x\.safetensors, y\.safetensors"):
        find_checkpoint(str(tmp_path))


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    path = Path(write_checkpoint(str(tmp_path), TENSORS, {}))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(SettingsError, match=r"connector\.safetensors: not a whole safetensors file"):
        read_checkpoint(str(path))


def test_strict_loading_names_everything_that_is_wrong_at_once() -> None:
    module = nn.Linear(3, 2)
    before = module.weight.clone()
    with pytest.raises(SettingsError) as error:
        load_strictly(module, {"weight": torch.zeros(2, 4), "extra": torch.zeros(1)}, "here.safetensors")
    message = str(error.value)
    assert message == (
        "here.safetensors: these are not the weights of a Linear "
        "(missing: bias; unexpected: extra; of another shape: weight (2, 4) instead of (2, 3))"
    )
    assert torch.equal(module.weight, before)


def test_strict_loading_fills_a_module_on_the_meta_device() -> None:
    with torch.device("meta"):
        module = nn.Linear(3, 2)
    load_strictly(module, {"weight": torch.ones(2, 3), "bias": torch.ones(2)}, "")
    assert module(torch.ones(1, 3)).tolist() == [[4.0, 4.0]]
    assert all(parameter.requires_grad for parameter in module.parameters())
