"""The timestep-free resampler: the paper's parameter counts, its file, its gradients."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training.connectors.gradients import agree_with_finite_differences
from training.connectors import Resampler, TimestepAwareSemanticConnector
from training.errors import SettingsError


def small(**changes: int) -> Resampler:
    torch.manual_seed(0)
    return Resampler(**{"text_width": 6, "width": 8, "latents": 3, "depth": 2, "heads": 2, **changes})


def text(*, length: int = 5) -> Tensor:
    return torch.randn(2, length, 6, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("depth", "parameters"), [(1, 8_712_192), (6, 44_159_232)])
def test_the_parameter_counts_are_the_papers(depth: int, parameters: int) -> None:
    with torch.device("meta"):
        connector = Resampler(depth=depth)
    assert sum(parameter.numel() for parameter in connector.parameters()) == parameters


def test_it_shares_the_authors_names_wherever_it_has_their_parts() -> None:
    with torch.device("meta"):
        timeless, tsc = Resampler().state_dict(), TimestepAwareSemanticConnector().state_dict()
    norms = {key for key in timeless if ".ln_" in key}
    assert timeless.keys() - norms < tsc.keys()
    assert {key.split(".", 3)[-1] for key in norms} == {
        f"{name}.{kind}" for name in ("ln_1", "ln_2", "ln_ff") for kind in ("weight", "bias")
    }


def test_the_output_does_not_depend_on_the_timestep() -> None:
    connector = small()
    assert connector(text(), torch.tensor([1, 2])).shape == (2, 3, 8)
    assert torch.equal(connector(text(), torch.tensor([1, 2])), connector(text(), torch.tensor(900)))


def test_masked_text_is_as_if_not_there() -> None:
    mask = torch.tensor([[True] * 5, [True, True, False, False, False]])
    connector = small()
    torch.testing.assert_close(connector(text(), torch.tensor(1), mask)[1:], connector(text()[1:, :2], torch.tensor(1)))


def test_its_gradients_are_those_of_finite_differences() -> None:
    assert agree_with_finite_differences(small(depth=1, output_width=4), text(length=3))


def test_saving_and_loading_keeps_everything(tmp_path: Path) -> None:
    connector = small(heads=4, output_width=12)
    loaded = Resampler.from_pretrained(connector.save_pretrained(str(tmp_path)))
    assert (loaded.heads, loaded.text_width, loaded.output_width) == (4, 6, 12)
    assert torch.equal(loaded(text(), torch.tensor(1)), connector(text(), torch.tensor(1)))


def test_the_file_of_a_tsc_is_refused(tmp_path: Path) -> None:
    path = TimestepAwareSemanticConnector(text_width=6, width=8, latents=3, depth=1).save_pretrained(str(tmp_path))
    with pytest.raises(SettingsError, match=r"not the weights of a Resampler \(missing: \S+ln_1\.weight; got"):
        Resampler.from_pretrained(path)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(SettingsError, match="width=8, heads=3"):
        small(heads=3)
