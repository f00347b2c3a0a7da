"""The MLP connector: the paper's parameter count, each token by itself, its file, its gradients."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from tests.training.connectors.gradients import agree_with_finite_differences
from training.connectors import MLPConnector
from training.errors import SettingsError


def small() -> MLPConnector:
    torch.manual_seed(0)
    return MLPConnector(text_width=6, width=8, output_width=4)


def text() -> Tensor:
    return torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(1))


def test_the_parameter_count_is_the_papers() -> None:
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in MLPConnector().parameters()) == 2_164_224


def test_it_normalises_and_maps_each_token_by_itself() -> None:
    connector, token = small(), text()[1, 3]
    hidden = functional.gelu(functional.layer_norm(token, (6,)) @ connector.linear_1.weight.T + connector.linear_1.bias)
    expected = hidden @ connector.linear_2.weight.T + connector.linear_2.bias
    out = connector(text(), torch.tensor([1, 2]))
    assert out.shape == (2, 5, 4)
    torch.testing.assert_close(out[1, 3], expected)


def test_the_output_does_not_depend_on_the_timestep() -> None:
    assert torch.equal(small()(text(), torch.tensor([1, 2])), small()(text(), torch.tensor(900)))


def test_masked_tokens_give_nothing() -> None:
    mask = torch.tensor([[True] * 5, [True, True, False, False, False]])
    out, whole = small()(text(), torch.tensor(1), mask), small()(text(), torch.tensor(1))
    assert out[1, 2:].abs().max() == 0
    assert torch.equal(out[mask], whole[mask])


def test_its_gradients_are_those_of_finite_differences() -> None:
    assert agree_with_finite_differences(small(), text())


def test_saving_and_loading_keeps_everything(tmp_path: Path) -> None:
    connector = small()
    loaded = MLPConnector.from_pretrained(connector.save_pretrained(str(tmp_path)))
    assert (loaded.text_width, loaded.output_width) == (6, 4)
    assert torch.equal(loaded(text(), torch.tensor(1)), connector(text(), torch.tensor(1)))


def test_a_file_with_other_keys_says_which(tmp_path: Path) -> None:
    state = small().state_dict()
    save_file({"linear_1.weight": state["linear_1.weight"]}, tmp_path / "x.safetensors")
    with pytest.raises(SettingsError, match=r"MLPConnector \(missing: linear_2\.weight; got 1 tensors"):
        MLPConnector.from_pretrained(str(tmp_path))
    save_file({**state, "linear_3.weight": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(SettingsError, match=r"MLPConnector \(unexpected: linear_3\.weight\)"):
        MLPConnector.from_pretrained(str(tmp_path))
