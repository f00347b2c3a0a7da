"""The timestep's way into a connector: its sinusoid, and norms and gates that start as if there were none."""

import torch
from torch.nn import functional

from training.connectors.timestep import (
    AdaptiveLayerNorm,
    OpenGate,
    TimelessLayerNorm,
    TimestepEmbedding,
    TimestepGate,
    sinusoid,
)


def test_the_sinusoid_has_its_cosines_first() -> None:
    features = sinusoid(torch.tensor([0, 5]), 4)
    angles = torch.tensor([5.0, 5.0 / 100])
    assert features[0].tolist() == [1, 1, 0, 0]
    torch.testing.assert_close(features[1], torch.cat([angles.cos(), angles.sin()]))


def test_the_embedding_is_two_layers_over_the_sinusoid() -> None:
    embedding = TimestepEmbedding(8, 6)
    timesteps = torch.tensor([3, 700])
    hidden = functional.silu(sinusoid(timesteps, 8) @ embedding.linear_1.weight.T + embedding.linear_1.bias)
    torch.testing.assert_close(embedding(timesteps), hidden @ embedding.linear_2.weight.T + embedding.linear_2.bias)


def test_the_adaptive_norm_starts_as_a_plain_layer_norm() -> None:
    norm = AdaptiveLayerNorm(8)
    x = torch.randn(2, 3, 8)
    plain = functional.layer_norm(x, (8,), eps=1e-6)
    torch.testing.assert_close(norm(x, torch.randn(2, 8)), plain, rtol=0, atol=0)


def test_the_adaptive_norm_shifts_with_the_first_half_and_scales_with_the_second() -> None:
    norm = AdaptiveLayerNorm(2)
    with torch.no_grad():
        norm.linear.bias.copy_(torch.tensor([10.0, 20.0, 1.0, 2.0]))
    x = torch.randn(1, 3, 2)
    plain = functional.layer_norm(x, (2,), eps=1e-6)
    expected = plain * torch.tensor([2.0, 3.0]) + torch.tensor([10.0, 20.0])
    torch.testing.assert_close(norm(x, torch.zeros(1, 2)), expected)


def test_the_timeless_norm_has_its_own_scale_and_shift_and_no_ear_for_time() -> None:
    norm = TimelessLayerNorm(2)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([2.0, 3.0]))
        norm.bias.copy_(torch.tensor([10.0, 20.0]))
    x = torch.randn(1, 3, 2)
    expected = functional.layer_norm(x, (2,)) * torch.tensor([2.0, 3.0]) + torch.tensor([10.0, 20.0])
    torch.testing.assert_close(norm(x, torch.randn(1, 2)), expected)
    torch.testing.assert_close(norm(x), expected)


def test_the_gate_starts_closed_and_opens_with_the_timestep() -> None:
    gate = TimestepGate(3)
    x, time = torch.randn(2, 4, 3), torch.randn(2, 3)
    assert gate(x, time).abs().max() == 0
    with torch.no_grad():
        gate.weight.copy_(torch.diag(torch.tensor([1.0, 2.0, 3.0])))
    torch.testing.assert_close(gate(x, time), x * (functional.silu(time) * torch.tensor([1.0, 2.0, 3.0]))[:, None])


def test_a_closed_gate_still_learns() -> None:
    gate = TimestepGate(3)
    gate(torch.randn(2, 4, 3), torch.randn(2, 3)).sum().backward()
    assert gate.weight.grad is not None
    assert gate.weight.grad.abs().sum() > 0


def test_the_open_gate_has_no_weight_and_changes_nothing() -> None:
    gate, x = OpenGate(3), torch.randn(2, 4, 3)
    assert gate(x, torch.randn(2, 3)) is x
    assert list(gate.parameters()) == []
