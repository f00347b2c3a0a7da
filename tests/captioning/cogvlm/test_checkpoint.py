"""Weights on disk: every layout is read, every fault is named before anything is loaded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from captioning.cogvlm import checkpoint
from captioning.cogvlm.checkpoint import INDEX, SINGLE

WEIGHTS = {f"layer{index}.weight": torch.full((4, 4), float(index)) for index in range(6)}
INV_FREQ = "model.layers.0.self_attn.rotary_emb.inv_freq"


def load(folder: Path, like: dict[str, Tensor] = WEIGHTS, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    return checkpoint.load(folder, like=like, dtype=dtype, device=torch.device("cpu"))


def assert_same(loaded: dict[str, Tensor], saved: dict[str, Tensor]) -> None:
    assert loaded.keys() == saved.keys()
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)


def test_a_single_file_comes_back(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, WEIGHTS, max_shard_size=1_000_000)
    assert [path.name for path in tmp_path.iterdir()] == [SINGLE]
    assert_same(load(tmp_path), WEIGHTS)


def test_shards_with_an_index_come_back(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, WEIGHTS, max_shard_size=150)  # two tensors of 64 bytes
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
        "model-00003-of-00003.safetensors",
        INDEX,
    ]
    assert_same(load(tmp_path), WEIGHTS)


def test_weights_are_cast(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, WEIGHTS, max_shard_size=1_000_000)
    assert {tensor.dtype for tensor in load(tmp_path, dtype=torch.bfloat16).values()} == {torch.bfloat16}


def test_loaded_weights_outlive_a_change_of_their_file(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, WEIGHTS, max_shard_size=1_000_000)
    loaded = load(tmp_path)
    with (tmp_path / SINGLE).open("r+b") as file:
        file.seek(-64 * len(WEIGHTS), 2)
        file.write(b"\xff" * 64 * len(WEIGHTS))
    assert_same(loaded, WEIGHTS)


def test_rotary_frequencies_are_tolerated_and_left_out(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, {**WEIGHTS, INV_FREQ: torch.ones(4)}, max_shard_size=1_000_000)
    assert_same(load(tmp_path), WEIGHTS)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, WEIGHTS, max_shard_size=150)
    (tmp_path / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(ValueError, match=r"1 of 3 files .* are missing \(model-00002-of-00003\.safetensors\)"):
        load(tmp_path)


def test_a_truncated_shard_is_named(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, WEIGHTS, max_shard_size=150)
    path = tmp_path / "model-00003-of-00003.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"model-00003-of-00003\.safetensors: not a whole safetensors file"):
        load(tmp_path)


@pytest.mark.parametrize("index", ["{", "[]", "{}"])
def test_a_broken_index_is_named(tmp_path: Path, index: str) -> None:
    (tmp_path / INDEX).write_text(index)
    with pytest.raises(ValueError, match=f"{INDEX}: not an index"):
        load(tmp_path)


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{tmp_path}: neither {INDEX} nor {SINGLE}"):
        load(tmp_path)


def test_missing_unexpected_and_reshaped_tensors_are_named_in_one_error(tmp_path: Path) -> None:
    saved = {**WEIGHTS, "layer1.weight": torch.ones(2, 2), "extra.weight": torch.ones(1)}
    del saved["layer3.weight"]
    checkpoint.save(tmp_path, saved, max_shard_size=1_000_000)
    with pytest.raises(ValueError, match=r"the weights do not fit config\.json") as raised:
        load(tmp_path)
    message = str(raised.value)
    assert "1 tensors missing (layer3.weight)" in message
    assert "1 tensors unexpected (extra.weight)" in message
    assert "1 tensors of another shape (layer1.weight is (2, 2), not (4, 4))" in message


def test_a_tensor_that_the_index_names_and_its_file_lacks_is_missing(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, WEIGHTS, max_shard_size=150)
    path = tmp_path / "model-00001-of-00003.safetensors"
    held = load_file(path)
    gone = next(iter(held))
    save_file({name: tensor.clone() for name, tensor in held.items() if name != gone}, path)
    assert gone in json.loads((tmp_path / INDEX).read_text())["weight_map"]
    with pytest.raises(ValueError, match=rf"1 tensors missing \({gone}\)"):
        load(tmp_path)


def test_a_file_that_the_index_does_not_name_is_not_read(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, WEIGHTS, max_shard_size=150)
    save_file({"optimizer.state": torch.ones(1)}, tmp_path / "other.safetensors")
    assert_same(load(tmp_path), WEIGHTS)


_LOAD = """
import sys, torch
from pathlib import Path
from captioning.cogvlm import checkpoint

def peak():
    return int(next(line for line in Path("/proc/self/status").open() if line.startswith("VmHWM")).split()[1]) * 1024

folder, small, tensors, numbers = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
like = {f"layer{index}": torch.empty(numbers, device="meta") for index in range(tensors)}
settings = {"dtype": torch.bfloat16, "device": torch.device("cpu")}
checkpoint.load(small, like={"layer0": torch.empty(1, device="meta")}, **settings)  # what loading costs at all
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = peak()
weights = checkpoint.load(folder, like=like, **settings)
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux to tell the peak of its memory")
def test_loading_takes_the_models_memory_and_at_most_one_shard_beside_it(tmp_path: Path) -> None:
    tensors, numbers = 32, 2**19  # 2 MiB each on disk, in float32; half of it in memory
    weights = {f"layer{index}": torch.full((numbers,), float(index)) for index in range(tensors)}
    (tmp_path / "large").mkdir()
    (tmp_path / "small").mkdir()
    checkpoint.save(tmp_path / "large", weights, max_shard_size=8 * 2**20)
    checkpoint.save(tmp_path / "small", {"layer0": torch.ones(1)}, max_shard_size=8 * 2**20)
    command = [sys.executable, "-c", _LOAD, str(tmp_path / "large"), str(tmp_path / "small")]
    taken = int(subprocess.check_output([*command, str(tensors), str(numbers)], text=True))
    model, shard = tensors * numbers * 2, 8 * 2**20
    assert model / 2 < taken < model + shard
