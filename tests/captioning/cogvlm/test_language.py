"""The language layers' own rules."""

import torch

from captioning.cogvlm.language import RMSNorm, VisualExpertAttention, route
from captioning.cogvlm.rotary import rotation
from tests.captioning.cogvlm.tiny import small_config


def test_rms_norm_multiplies_in_float32_and_casts_after() -> None:
    norm = RMSNorm(64, eps=1e-5).bfloat16()
    generator = torch.Generator().manual_seed(0)
    torch.nn.init.normal_(norm.weight, generator=generator)
    x = torch.randn(100, 64, generator=generator).bfloat16()
    normed = x.double() / (x.double().square().mean(-1, keepdim=True) + 1e-5).sqrt()
    exact = (normed * norm.weight.double()).bfloat16()
    early = normed.bfloat16() * norm.weight
    assert norm(x).dtype == torch.bfloat16
    assert (norm(x) != exact).float().mean() < 0.001  # float32 is not double
    assert (early != exact).float().mean() > 0.1


def test_route_sends_the_image_to_vision_and_the_rest_to_language() -> None:
    x = torch.arange(6.0).view(1, 6, 1)
    routed = route(x, slice(1, 4), vision=lambda part: part + 100, language=lambda part: -part)
    assert routed.flatten().tolist() == [0, 101, 102, 103, -4, -5]


def test_route_without_an_image_leaves_vision_alone() -> None:
    x = torch.arange(3.0).view(1, 3, 1)
    assert route(x, None, vision=lambda part: 1 / 0, language=lambda part: -part).flatten().tolist() == [0, -1, -2]


def test_attention_does_not_look_ahead() -> None:
    attention = VisualExpertAttention(small_config(v2=True))
    x = torch.randn(1, 9, 32)
    changed = x.clone()
    changed[:, 5] += 1
    turn = rotation(torch.arange(9)[None], 8, 1e4)
    difference = (attention(x, None, turn, None, None) - attention(changed, None, turn, None, None)).abs().amax(-1)
    assert (difference[0] > 1e-6).tolist() == [False] * 5 + [True] * 4
