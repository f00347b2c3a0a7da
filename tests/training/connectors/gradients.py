"""A connector's gradients against finite differences."""

import torch
from torch import Tensor

from training.connectors import Connector


def agree_with_finite_differences(connector: Connector, text: Tensor) -> bool:
    """Whether the gradients to the text (2, L, D) and to every parameter are right, in float64.

    The parameters are drawn anew, away from the zeros at which gates and norms hide one another.
    """
    connector = connector.double()
    drawn = torch.Generator().manual_seed(0)
    names = [name for name, _ in connector.named_parameters()]
    values = [
        (0.5 * torch.randn(parameter.shape, generator=drawn, dtype=torch.float64)).requires_grad_()
        for parameter in connector.parameters()
    ]

    def forward(features: Tensor, *parameters: Tensor) -> Tensor:
        state = dict(zip(names, parameters, strict=True))
        condition: Tensor = torch.func.functional_call(connector, state, (features, torch.tensor([5, 700])))
        return condition

    return bool(torch.autograd.gradcheck(forward, (text.double().requires_grad_(), *values), fast_mode=True))
