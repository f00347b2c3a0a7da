"""The blocks that connectors share: attention over latents and text, and texts of any length."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from training.connectors.perceiver import PerceiverBlock, PerceiverResampler, SquaredReluMLP, check_heads
from training.connectors.timestep import AdaptiveLayerNorm, OpenGate, TimelessLayerNorm, TimestepGate
from training.errors import SettingsError

WIDTH = 8


def block(norm: type[AdaptiveLayerNorm | TimelessLayerNorm] = TimelessLayerNorm) -> PerceiverBlock:
    torch.manual_seed(0)
    return PerceiverBlock(WIDTH, 2, norm, OpenGate).double()


def resampler(listens: bool = False) -> PerceiverResampler:
    torch.manual_seed(0)
    made = PerceiverResampler(
        text_width=6, width=WIDTH, latents=3, blocks=[block(), block()], output_width=WIDTH, listens=listens
    )
    return made.double()


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_mlp_squares_its_relu() -> None:
    mlp, x = SquaredReluMLP(4).double(), numbers(1, 2, 4)
    hidden = (x @ mlp.c_fc.weight.T + mlp.c_fc.bias).clamp(min=0) ** 2
    torch.testing.assert_close(mlp(x), hidden @ mlp.c_proj.weight.T + mlp.c_proj.bias)


def test_a_block_attends_to_latents_and_text_and_then_passes_its_mlp() -> None:
    layer, latents, text = block(), numbers(1, 3, WIDTH), numbers(1, 5, WIDTH, seed=1)
    queries = layer.ln_1(latents)
    keys = torch.cat([queries, layer.ln_2(text)], dim=1)
    weights, biases = layer.attn.in_proj_weight.chunk(3), layer.attn.in_proj_bias.chunk(3)
    q, k, v = (
        (x @ weight.T + bias).unflatten(-1, (2, WIDTH // 2)).transpose(1, 2)
        for x, weight, bias in zip((queries, keys, keys), weights, biases, strict=True)
    )
    shares = (q @ k.transpose(-1, -2) / (WIDTH // 2) ** 0.5).softmax(dim=-1)
    attended = functional.linear((shares @ v).transpose(1, 2).flatten(2), *layer.attn.out_proj.parameters())
    expected = latents + attended
    expected = expected + layer.mlp(layer.ln_ff(expected))
    torch.testing.assert_close(layer(latents, text, None), expected)


def test_closed_gates_make_a_block_the_identity() -> None:
    gated = PerceiverBlock(WIDTH, 2, AdaptiveLayerNorm, TimestepGate).double()
    latents = numbers(2, 3, WIDTH)
    assert torch.equal(gated(latents, numbers(2, 5, WIDTH), numbers(2, WIDTH)), latents)


def test_text_under_a_mask_is_as_if_not_there() -> None:
    reader, text = resampler(), numbers(2, 5, 6)
    mask = torch.tensor([[True] * 5, [True, True, False, False, False]])
    read = reader(text, mask=mask)
    torch.testing.assert_close(read[0], reader(text[:1])[0])
    torch.testing.assert_close(read[1], reader(text[1:, :2])[0])
    assert not torch.allclose(read[1], reader(text)[1])


def test_text_wholly_under_a_mask_leaves_the_latents_to_themselves() -> None:
    reader = resampler()
    first, second = reader(numbers(2, 4, 6), mask=torch.zeros(2, 4, dtype=torch.bool))
    assert first.isfinite().all()
    torch.testing.assert_close(first, second)


def test_only_latents_that_listen_are_shifted_by_the_timestep() -> None:
    text, early, late = numbers(1, 4, 6), numbers(1, WIDTH, seed=1), numbers(1, WIDTH, seed=2)
    deaf, listening = resampler(), resampler(listens=True)
    assert torch.equal(deaf(text, early), deaf(text, late))
    assert not torch.allclose(listening(text, early), listening(text, late))
    assert deaf.time_aware_linear is None


def test_another_output_width_is_projected() -> None:
    reader = PerceiverResampler(
        text_width=6, width=WIDTH, latents=3, blocks=[block()], output_width=12, listens=False
    ).double()
    out = reader(numbers(2, 4, 6))
    assert out.shape == (2, 3, 12)
    torch.testing.assert_close(out.mean(dim=-1), torch.zeros(2, 3, dtype=torch.float64))


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    check_heads(30, 5)
    with pytest.raises(SettingsError, match="width=30, heads=4: heads must divide the width"):
        check_heads(30, 4)
