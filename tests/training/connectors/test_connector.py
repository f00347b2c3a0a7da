"""The interface that every connector keeps, and the pooled head that any of them can have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from training.connectors import Connector
from training.connectors.checkpoint import read_checkpoint


class Repeat(Connector):
    """The least connector: each text token, times the timestep."""

    signature = ()

    def __init__(self, text_width: int = 3, pooled_width: int | None = None) -> None:
        super().__init__(text_width=text_width, output_width=text_width, pooled_width=pooled_width)

    def forward(self, text: Tensor, timestep: Tensor, mask: Tensor | None = None) -> Tensor:
        return text * timestep[:, None, None]

    @classmethod
    def arguments(cls, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, Any]:
        return {"text_width": int(metadata["text_width"])}

    def unseen(self) -> dict[str, str]:
        return {"text_width": str(self.text_width)}


def test_a_subclass_is_a_module_that_knows_its_widths() -> None:
    connector = Repeat()
    assert (connector.text_width, connector.output_width, connector.pooled_width) == (3, 3, None)
    assert connector(torch.ones(2, 4, 3), torch.tensor([2, 3]))[:, 0, 0].tolist() == [2, 3]


def test_a_connector_without_forward_or_arguments_cannot_be_made() -> None:
    class Unfinished(Connector):
        pass

    with pytest.raises(TypeError, match=r"arguments.*forward"):
        Unfinished(text_width=1, output_width=1)  # type: ignore[abstract]


def test_the_file_says_what_its_tensors_do_not(tmp_path: Path) -> None:
    path = Repeat(text_width=7).save_pretrained(str(tmp_path), metadata={"steps": "3", "text_width": "9"})
    assert read_checkpoint(path)[1] == {"format": "pt", "steps": "3", "text_width": "7"}
    assert Repeat.from_pretrained(path).text_width == 7


def test_the_pooled_head_starts_at_zero_and_reads_the_mean_of_the_condition() -> None:
    connector = Repeat(pooled_width=2)
    assert connector.pooled_head is not None
    condition = torch.randn(2, 4, 3)
    assert connector.pooled(condition).tolist() == [[0, 0], [0, 0]]
    with torch.no_grad():
        connector.pooled_head.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 0, 2.0]]))
    expected = torch.stack([condition[..., 0].mean(dim=1), 2 * condition[..., 2].mean(dim=1)], dim=1)
    torch.testing.assert_close(connector.pooled(condition), expected)


def test_the_pooled_head_is_saved_and_found_again(tmp_path: Path) -> None:
    connector = Repeat(pooled_width=2)
    assert connector.pooled_head is not None
    torch.nn.init.normal_(connector.pooled_head.weight)
    loaded = Repeat.from_pretrained(connector.save_pretrained(str(tmp_path)))
    assert loaded.pooled_width == 2
    assert torch.equal(loaded.pooled(torch.ones(1, 4, 3)), connector.pooled(torch.ones(1, 4, 3)))
