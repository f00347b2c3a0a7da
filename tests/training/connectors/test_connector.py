"""The interface that every connector keeps."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from training.connectors import Connector


class Repeat(Connector):
    """The least connector: each text token, times the timestep."""

    def forward(self, text: Tensor, timestep: Tensor) -> Tensor:
        return text * timestep[:, None, None]

    def save_pretrained(self, folder: str, metadata: Mapping[str, str] | None = None) -> str:
        return folder


def test_a_subclass_is_a_module_that_knows_its_widths() -> None:
    connector = Repeat(text_width=3, output_width=5)
    assert (connector.text_width, connector.output_width) == (3, 5)
    assert connector(torch.ones(2, 4, 3), torch.tensor([2, 3]))[:, 0, 0].tolist() == [2, 3]


def test_a_connector_without_forward_or_save_cannot_be_made() -> None:
    class Unfinished(Connector):
        pass

    with pytest.raises(TypeError, match=r"forward.*save_pretrained"):
        Unfinished(text_width=1, output_width=1)  # type: ignore[abstract]
