"""Files of a cache: what goes in comes out, row by row, and what is none is named."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from training.cache.files import LatentsFile, TextFile, gather, gather_text, read_stamp, write_cache_file
from training.errors import SettingsError

IDS = ["a", "b" * 16, "0f"]


def write_text(path: Path, lengths: list[int] | None) -> TextFile:
    """Three captions of four channels; row i of caption n is 10 n + i. Whole length is 5."""
    own = [torch.arange(length).float()[:, None].repeat(1, 4) + 10 * n for n, length in enumerate(lengths or [5] * 3)]
    if lengths:
        starts = torch.tensor([0, *lengths]).cumsum(0)
        tensors = {"features": torch.cat(own), "starts": starts, "empty": -torch.ones(1, 4)}
    else:
        tensors = {"features": torch.stack(own), "empty": -torch.ones(5, 4)}
    write_cache_file(str(path), IDS, tensors, {"kind": "text", "length": 5})
    return TextFile(path, str(path))


def test_latents_come_back_in_any_order(tmp_path: Path) -> None:
    tensors = {
        "moments": torch.randn(3, 8, 2, 2).half(), "sizes": torch.arange(6).view(3, 2),
        "crops": torch.zeros(3, 2).long(),
    }  # fmt: skip
    write_cache_file(str(tmp_path / "x.safetensors"), IDS, tensors, {"kind": "latents"})
    file = LatentsFile(tmp_path / "x.safetensors", "x")
    assert file.sample_ids == IDS
    assert torch.equal(gather([file.moments] * 4, [2, 0, 0, 1]), tensors["moments"][[2, 0, 0, 1]])
    assert torch.equal(file.sizes, tensors["sizes"])


def test_whole_features_have_no_mask(tmp_path: Path) -> None:
    file = write_text(tmp_path / "x.safetensors", None)
    text = gather_text([file, file], [2, 0])
    assert text.mask is None
    assert text.features[:, :, 0].tolist() == [[20, 21, 22, 23, 24], [0, 1, 2, 3, 4]]
    assert file.empty.mask is None
    assert file.empty.features.tolist() == [[[-1.0] * 4] * 5]


def test_own_tokens_are_padded_and_masked(tmp_path: Path) -> None:
    file = write_text(tmp_path / "x.safetensors", [2, 5, 1])
    text = gather_text([file, file, file], [1, 0, 2])
    assert text.mask is not None
    assert text.mask.tolist() == [[True] * 5, [True] * 2 + [False] * 3, [True] + [False] * 4]
    assert text.features[:, :, 0].tolist() == [[10, 11, 12, 13, 14], [0, 1, 0, 0, 0], [20, 0, 0, 0, 0]]
    assert file.empty.mask is not None
    assert file.empty.mask.tolist() == [[True] + [False] * 4]


def test_same_tensors_same_bytes(tmp_path: Path) -> None:
    tensors = {name: torch.ones(3, 2) for name in "zyxwvu"}
    for name in ("one", "two"):
        write_cache_file(str(tmp_path / name), IDS, dict(reversed(tensors.items())), {"b": 1, "a": 2})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert read_stamp(str(tmp_path / "one")) == {"a": 2, "b": 1}


def test_another_stamp_than_asked_for_is_refused(tmp_path: Path) -> None:
    write_text(tmp_path / "x", None)
    with pytest.raises(
        SettingsError, match=r"^set/x: made with other settings than these: length is 5 there and 6 here"
    ):
        TextFile(tmp_path / "x", "set/x", {"kind": "text", "length": 6})


def test_what_is_no_file_of_a_cache_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x"
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="has no stamp"):
        LatentsFile(path, "x")
    with pytest.raises(ValueError, match="has no stamp"):
        read_stamp(str(path))
    write_text(path, None)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="x: not a whole cache file"):
        TextFile(path, "x")
    path.write_bytes(b"junk")
    with pytest.raises(ValueError, match="not a whole cache file"):
        read_stamp(str(path))


def test_a_sample_id_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has 17 bytes; expected at most 16"):
        write_cache_file(str(tmp_path / "x"), ["c" * 17], {}, {})
