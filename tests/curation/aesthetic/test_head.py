"""The head, in the released layout, against products taken in NumPy."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from curation.aesthetic import AestheticHead

LAYOUT = {0: (1024, 768), 2: (128, 1024), 4: (64, 128), 6: (16, 64), 7: (1, 16)}


def _state(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for layer, shape in LAYOUT.items():
        state[f"layers.{layer}.weight"] = torch.randn(shape, generator=generator) / shape[1] ** 0.5
        state[f"layers.{layer}.bias"] = torch.randn(shape[0], generator=generator)
    return state


def _embeddings(count: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(count, 768, generator=torch.Generator().manual_seed(1)), dim=-1)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_scores_are_the_product_of_the_layers(suffix: str, tmp_path: Path) -> None:
    state, path, embeddings = _state(), tmp_path / f"head.{suffix}", _embeddings(5)
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    expected = embeddings.numpy().astype(np.float64)  # (B, 768)
    for layer in LAYOUT:
        weight, bias = state[f"layers.{layer}.weight"].numpy(), state[f"layers.{layer}.bias"].numpy()
        expected = expected @ weight.T + bias
    with torch.inference_mode():
        scores = AestheticHead.from_pretrained(str(path))(embeddings)  # dropout would show
    assert scores.shape == (5,)
    np.testing.assert_allclose(scores.numpy(), expected[:, 0], rtol=1e-4)
    assert np.ptp(expected) > 0.1  # the five do differ


def test_the_released_layout_is_the_default() -> None:
    expected = {f"layers.{i}.weight": shape for i, shape in LAYOUT.items()}
    expected |= {f"layers.{i}.bias": shape[:1] for i, shape in LAYOUT.items()}
    assert {name: tuple(tensor.shape) for name, tensor in AestheticHead().state_dict().items()} == expected


def test_widths_are_read_from_the_tensors(tmp_path: Path) -> None:
    torch.save(AestheticHead((512, 9, 8, 7, 6, 1)).state_dict(), tmp_path / "head.pth")
    head = AestheticHead.from_pretrained(str(tmp_path / "head.pth"))
    assert head.width == 512
    assert head(torch.zeros(2, 512)).shape == (2,)


def test_other_keys_are_named(tmp_path: Path) -> None:
    state = _state()
    state["linear.weight"] = state.pop("layers.7.weight")
    torch.save(state, tmp_path / "head.pth")
    with pytest.raises(ValueError, match=r"head\.pth: .*missing \['layers\.7\.weight'\], .*\['linear\.weight'\]"):
        AestheticHead.from_pretrained(str(tmp_path / "head.pth"))


def test_layers_that_do_not_fit_are_named(tmp_path: Path) -> None:
    torch.save(_state() | {"layers.2.weight": torch.zeros(128, 1000)}, tmp_path / "head.pth")
    with pytest.raises(ValueError, match=r"head\.pth: .*layers\.2\.weight"):
        AestheticHead.from_pretrained(str(tmp_path / "head.pth"))


@pytest.mark.parametrize("widths", [(768, 1), (768, 1024, 128, 64, 16, 2)])
def test_other_widths_are_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="the last being 1"):
        AestheticHead(widths)


class Runs:
    """What a hostile pickle would hold: a call when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    torch.save({"layers.0.weight": Runs(tmp_path / "ran")}, tmp_path / "head.pth")
    with pytest.raises(ValueError, match=r"head\.pth: not a state dict that is safe to load"):
        AestheticHead.from_pretrained(str(tmp_path / "head.pth"))
    assert not (tmp_path / "ran").exists()
    assert pickle.loads(pickle.dumps(Runs(tmp_path / "ran"))) is None  # the file would have
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["head.pth", "head.safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04 cut"])
def test_a_file_that_is_none_is_named(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        AestheticHead.from_pretrained(str(tmp_path / name))
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="holds a list"):
        AestheticHead.from_pretrained(str(tmp_path / "list.pth"))
