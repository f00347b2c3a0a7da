"""A connector's kind is read from its file."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from training.connectors import Connector, MLPConnector, Resampler, TimestepAwareSemanticConnector, load_connector
from training.errors import SettingsError

SHAPES = {"text_width": 6, "width": 8, "latents": 3, "depth": 1, "heads": 2}


def connectors() -> list[Connector]:
    torch.manual_seed(0)
    return [
        TimestepAwareSemanticConnector(**SHAPES, time_channels=4),
        TimestepAwareSemanticConnector(**SHAPES, time_channels=4, gates=True),
        TimestepAwareSemanticConnector(**SHAPES, time_channels=4, pooled_width=5),
        Resampler(**SHAPES),
        Resampler(**SHAPES, pooled_width=5),
        MLPConnector(text_width=6, width=8),
        MLPConnector(text_width=6, width=8, output_width=12, pooled_width=5),
    ]


@pytest.mark.parametrize("connector", connectors(), ids=lambda connector: type(connector).__name__)
def test_every_kind_is_known_by_its_file(connector: Connector, tmp_path: Path) -> None:
    path = connector.save_pretrained(str(tmp_path), metadata={"steps": "3"})
    loaded = load_connector(path)
    text, timestep = torch.randn(2, 4, 6), torch.tensor([3, 900])
    assert type(loaded) is type(connector)
    assert loaded.state_dict().keys() == connector.state_dict().keys()
    assert torch.equal(loaded(text, timestep), connector(text, timestep))
    assert loaded.pooled_width == connector.pooled_width
    again = Path(loaded.save_pretrained(str(tmp_path / "again"), metadata={"steps": "3"}))
    assert again.read_bytes() == Path(path).read_bytes()


def test_the_authors_layout_without_metadata_is_a_tsc(tmp_path: Path) -> None:
    connector = TimestepAwareSemanticConnector(**{**SHAPES, "heads": 8})
    save_file(connector.state_dict(), tmp_path / "ella-sd1.5-tsc-t5xl.safetensors")
    loaded = load_connector(str(tmp_path))
    assert isinstance(loaded, TimestepAwareSemanticConnector)
    assert loaded.heads == 8


def test_something_else_is_refused_with_its_keys(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(SettingsError, match=r"got 1 tensors: weight, \.\.\.; expected those of Timestep\w+, Resampler"):
        load_connector(str(tmp_path))
    (tmp_path / "x.safetensors").write_bytes(b"x")
    with pytest.raises(SettingsError, match="not a whole safetensors file"):
        load_connector(str(tmp_path))
