"""Rotary positions."""

import math

import torch

from captioning.cogvlm.rotary import rotate, rotation


def test_turns_the_first_half_against_the_second() -> None:
    x = torch.tensor([1.0, 10.0, 2.0, 20.0]).view(1, 1, 1, 4)
    turned = rotate(x, rotation(torch.tensor([[3]]), 4, 100.0)).flatten().tolist()
    fast, slow = 3.0, 3.0 / 10  # 3 * 100^0 and 3 * 100^(-1/2)
    expected = [
        1 * math.cos(fast) - 2 * math.sin(fast),
        10 * math.cos(slow) - 20 * math.sin(slow),
        2 * math.cos(fast) + 1 * math.sin(fast),
        20 * math.cos(slow) + 10 * math.sin(slow),
    ]
    torch.testing.assert_close(turned, expected, rtol=1e-5, atol=1e-5)


def test_products_depend_on_the_distance_alone() -> None:
    query, key = torch.randn(2, 1, 1, 1, 8, generator=torch.Generator().manual_seed(0))

    def product(at: int, of: int) -> torch.Tensor:
        turned = (rotate(x, rotation(torch.tensor([[p]]), 8, 1e4)) for x, p in ((query, at), (key, of)))
        return next(turned).flatten() @ next(turned).flatten()

    torch.testing.assert_close(product(9, 4), product(105, 100), rtol=1e-4, atol=1e-4)
    assert not torch.isclose(product(9, 4), product(9, 5), atol=1e-3)


def test_bfloat16_does_not_blur_positions_over_256() -> None:
    x = torch.ones(1, 1, 2, 8, dtype=torch.bfloat16)
    turned = rotate(x, rotation(torch.tensor([[300, 301]]), 8, 1e4))
    exact = rotate(x.float(), rotation(torch.tensor([[300, 301]]), 8, 1e4))
    assert turned.dtype == torch.bfloat16
    torch.testing.assert_close(turned.float(), exact, rtol=1e-2, atol=1e-2)
    assert not torch.equal(turned[:, :, 0], turned[:, :, 1])
