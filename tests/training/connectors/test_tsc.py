"""The TSC equals the authors': their outputs, their parameter counts, their key layout."""

import zlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tests.training.connectors.gradients import agree_with_finite_differences
from training.connectors import TimestepAwareSemanticConnector
from training.errors import SettingsError


def small(**changes: int) -> TimestepAwareSemanticConnector:
    torch.manual_seed(0)
    shapes = {"text_width": 24, "width": 32, "latents": 5, "depth": 2, "heads": 4, "time_channels": 16, **changes}
    return TimestepAwareSemanticConnector(**shapes)


def randomise(module: nn.Module) -> None:
    """Give every tensor the values that the authors' code was run with for the reference outputs."""
    reference = {
        key: 0.02 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(zlib.crc32(key.encode())))
        for key, tensor in module.state_dict().items()
    }
    module.load_state_dict(reference)


def text(length: int = 7, batch: int = 2) -> Tensor:
    return torch.randn(batch, length, 24, generator=torch.Generator().manual_seed(3))


def test_the_output_is_that_of_the_authors_code() -> None:
    connector = TimestepAwareSemanticConnector()
    randomise(connector)
    features = torch.randn(2, 128, 2048, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        out = connector(features, torch.tensor([999, 10]))
    assert out.shape == (2, 64, 768)
    assert out.mean().item() == pytest.approx(-0.046494, abs=1e-4)
    assert out.std().item() == pytest.approx(1.044105, abs=1e-4)
    first = [-1.399497, -1.109012, 1.106359, 0.702946, -0.367153, -0.524656]
    assert out[0, 0, :6].tolist() == pytest.approx(first, abs=1e-4)
    assert out[1, 63, -3:].tolist() == pytest.approx([-1.033099, -0.932537, 0.242458], abs=1e-4)


def test_the_parameter_counts_are_the_papers() -> None:
    with torch.device("meta"):
        sd15 = TimestepAwareSemanticConnector()
        gated = TimestepAwareSemanticConnector(gates=True)
        sdxl = TimestepAwareSemanticConnector(width=2048, heads=16)
    assert sum(parameter.numel() for parameter in sd15.parameters()) == 66_820_608
    assert sum(parameter.numel() for parameter in gated.parameters()) == 73_907_712
    assert sum(parameter.numel() for parameter in sdxl.parameters()) == 466_546_688


def test_the_state_dict_has_the_authors_keys() -> None:
    with torch.device("meta"):
        state = TimestepAwareSemanticConnector().state_dict()
    shapes = {key: tuple(tensor.shape) for key, tensor in state.items()}
    block = {
        "attn.in_proj_weight": (2304, 768), "attn.in_proj_bias": (2304,),
        "attn.out_proj.weight": (768, 768), "attn.out_proj.bias": (768,),
        "mlp.c_fc.weight": (3072, 768), "mlp.c_fc.bias": (3072,),
        "mlp.c_proj.weight": (768, 3072), "mlp.c_proj.bias": (768,),
        "ln_1.linear.weight": (1536, 768), "ln_1.linear.bias": (1536,),
        "ln_2.linear.weight": (1536, 768), "ln_2.linear.bias": (1536,),
        "ln_ff.linear.weight": (1536, 768), "ln_ff.linear.bias": (1536,),
    }  # fmt: skip
    expected = {
        "time_embedding.linear_1.weight": (768, 320), "time_embedding.linear_1.bias": (768,),
        "time_embedding.linear_2.weight": (768, 768), "time_embedding.linear_2.bias": (768,),
        "connector.latents": (64, 768),
        "connector.time_aware_linear.weight": (768, 768), "connector.time_aware_linear.bias": (768,),
        "connector.proj_in.weight": (768, 2048), "connector.proj_in.bias": (768,),
    }  # fmt: skip
    expected |= {f"connector.perceiver_blocks.{i}.{key}": shape for i in range(6) for key, shape in block.items()}
    assert shapes == expected
    assert len(shapes) == 93


def test_at_the_start_time_enters_through_the_latents_alone() -> None:
    connector = small()
    early, late = torch.tensor([10, 10]), torch.tensor([900, 900])
    assert not torch.allclose(connector(text(), early), connector(text(), late))
    nn.init.zeros_(connector.connector.time_aware_linear.weight)
    assert torch.equal(connector(text(), early), connector(text(), late))


def test_zero_adaptive_norms_still_learn() -> None:
    connector = small()
    connector(text(), torch.tensor([10, 900])).square().sum().backward()
    for block in connector.connector.perceiver_blocks:
        assert isinstance(block, nn.Module)
        for name in ("ln_1", "ln_2", "ln_ff"):
            assert block.get_parameter(f"{name}.linear.weight").grad.abs().sum() > 0  # type: ignore[union-attr]


def test_a_timestep_may_be_one_for_the_whole_batch() -> None:
    connector = small()
    randomise(connector)
    each = connector(text(), torch.tensor([7, 7]))
    assert torch.equal(connector(text(), torch.tensor([7])), each)
    assert torch.equal(connector(text(), torch.tensor(7)), each)


def test_samples_do_not_mix_and_texts_have_any_length() -> None:
    connector = small()
    randomise(connector)
    both = connector(text(length=9), torch.tensor([3, 800]))
    assert both.shape == (2, 5, 32)
    torch.testing.assert_close(connector(text(length=9)[1:], torch.tensor([800])), both[1:])


def test_saving_and_loading_keeps_everything(tmp_path: Path) -> None:
    connector = small(heads=2)
    randomise(connector)
    path = connector.save_pretrained(str(tmp_path), metadata={"steps": "3"})
    loaded = TimestepAwareSemanticConnector.from_pretrained(path)
    assert loaded.heads == 2
    assert torch.equal(loaded(text(), torch.tensor([1, 2])), connector(text(), torch.tensor([1, 2])))
    again = TimestepAwareSemanticConnector.from_pretrained(str(tmp_path))
    assert (again.text_width, again.output_width) == (24, 32)


def test_a_loaded_connector_learns_and_leaves_its_file_alone(tmp_path: Path) -> None:
    path = small().save_pretrained(str(tmp_path))
    before = Path(path).read_bytes()
    loaded = TimestepAwareSemanticConnector.from_pretrained(path)
    optimizer = torch.optim.SGD(loaded.parameters(), lr=1.0)
    loaded(text(), torch.tensor([1, 2])).square().sum().backward()
    optimizer.step()
    assert not torch.equal(loaded.connector.latents, load_file(path)["connector.latents"])
    assert Path(path).read_bytes() == before


def test_a_file_without_metadata_has_eight_heads(tmp_path: Path) -> None:
    save_file(small(heads=8).state_dict(), tmp_path / "ella-sd1.5-tsc-t5xl.safetensors")
    assert TimestepAwareSemanticConnector.from_pretrained(str(tmp_path)).heads == 8


def test_another_output_width_is_projected_and_read_back(tmp_path: Path) -> None:
    connector = small(output_width=48)
    assert connector.state_dict()["connector.proj_out.0.weight"].shape == (48, 32)
    assert connector.state_dict()["connector.proj_out.1.weight"].shape == (48,)
    assert connector(text(), torch.tensor([1, 2])).shape == (2, 5, 48)
    loaded = TimestepAwareSemanticConnector.from_pretrained(connector.save_pretrained(str(tmp_path)))
    assert loaded.output_width == 48
    assert torch.equal(loaded(text(), torch.tensor(5)), connector(text(), torch.tensor(5)))


def test_missing_and_unexpected_keys_are_named(tmp_path: Path) -> None:
    state = small().state_dict()
    state["connector.perceiver_blocks.1.mlp.c_fx.bias"] = state.pop("connector.perceiver_blocks.1.mlp.c_fc.bias")
    save_file(state, tmp_path / "x.safetensors")
    with pytest.raises(SettingsError, match=r"missing: \S+c_fc\.bias; unexpected: \S+c_fx\.bias\)"):
        TimestepAwareSemanticConnector.from_pretrained(str(tmp_path))


def test_something_else_altogether_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(SettingsError, match=r"missing: connector\.latents, .*got 1 tensors: weight"):
        TimestepAwareSemanticConnector.from_pretrained(str(tmp_path))


def test_shapes_that_cannot_be_are_refused() -> None:
    with pytest.raises(SettingsError, match="width=30, heads=4: heads must divide the width"):
        small(width=30, heads=4)
    with pytest.raises(SettingsError, match="time_channels=15: expected an even number"):
        small(time_channels=15)


@pytest.mark.parametrize("gates", [0, 1])
def test_its_gradients_are_those_of_finite_differences(gates: int) -> None:
    connector = small(text_width=3, width=4, latents=2, depth=1, heads=2, time_channels=4, gates=gates, output_width=6)
    assert agree_with_finite_differences(connector, torch.randn(2, 3, 3))


def test_a_gated_connector_starts_blind_to_the_text_and_learns_to_read(tmp_path: Path) -> None:
    connector = small(gates=1)
    assert torch.equal(connector(text(), torch.tensor(5)), connector(2 * text(), torch.tensor(5)))
    randomise(connector)
    assert not torch.allclose(connector(text(), torch.tensor(5)), connector(2 * text(), torch.tensor(5)))
    loaded = TimestepAwareSemanticConnector.from_pretrained(connector.save_pretrained(str(tmp_path)))
    assert torch.equal(loaded(text(), torch.tensor(5)), connector(text(), torch.tensor(5)))


def test_masked_text_is_as_if_not_there() -> None:
    connector = small()
    randomise(connector)
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[1, 4:] = False
    out = connector(text(), torch.tensor([3, 800]), mask)
    torch.testing.assert_close(out[1:], connector(text()[1:, :4], torch.tensor([800])))
