"""A frozen module stays frozen inside one that trains."""

import torch
from torch import nn

from training.frozen import FrozenModule


class Noisy(FrozenModule):
    """A layer behind a dropout that would drop everything."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(p=1.0)
        self.layer = nn.Linear(2, 2)
        self.freeze()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layer(self.dropout(x))
        return out


def test_train_of_the_module_around_it_changes_nothing() -> None:
    outer = nn.Sequential(nn.Dropout(), Noisy())
    outer.train()
    assert outer[0].training
    assert not any(module.training for module in outer[1].modules())


def test_mixed_precision_stops_at_it() -> None:
    frozen, x = Noisy(), torch.ones(1, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert frozen(x).dtype == torch.bfloat16
        with frozen.own_precision():
            assert frozen(x).dtype == torch.float32


def test_gradients_pass_through_it_and_do_not_stay() -> None:
    frozen = Noisy()
    x = torch.ones(1, 2, requires_grad=True)
    frozen(x).sum().backward()
    torch.testing.assert_close(x.grad, frozen.layer.weight.sum(dim=0, keepdim=True))
    assert all(parameter.grad is None for parameter in frozen.parameters())
