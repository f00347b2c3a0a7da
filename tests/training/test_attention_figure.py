"""The picture of an attention map: its cells have the colours of their numbers, wherever they stand."""

import numpy as np
import pytest
import torch
from plotly.colors import sequential

from training.attention_figure import CELL_WIDTHS, HEAT_HEIGHT, LEFT, MARGIN, PAPER, SHARPNESS, colours, draw_map
from training.attention_maps import AttentionMap


def attention(tokens: int, steps: int = 4, prompt: str = "a red ball") -> AttentionMap:
    weights = torch.rand(2, steps, tokens, generator=torch.Generator().manual_seed(0))
    timesteps = [round(999 * (1 - row / (steps - 1))) for row in range(steps)]
    return AttentionMap(
        prompt=prompt, tokens=[f"▁t{number}" for number in range(tokens)], timesteps=timesteps, weights=weights
    )


def heat(pixels: np.ndarray, tokens: int, steps: int) -> np.ndarray:
    """The colours (T, L, 3) at the middles of the cells; the heat map is found by the first column's left edge."""
    left = (MARGIN + LEFT) * SHARPNESS
    coloured = (pixels[:, left + 1] != PAPER).any(axis=-1) & (np.ptp(pixels[:, left + 1], axis=-1) > 30)
    top = int(np.argmax(coloured))
    height = HEAT_HEIGHT * SHARPNESS
    row = pixels[top + 1, left:]
    assert coloured[top : top + height].all()
    width = int(np.argmax((row == PAPER).all(axis=-1)))
    ys = top + ((np.arange(steps) + 0.5) * height / steps).astype(int)
    xs = left + ((np.arange(tokens) + 0.5) * width / tokens).astype(int)
    return pixels[ys][:, xs]


@pytest.mark.parametrize("block", [None, 0, 1])
@pytest.mark.parametrize(("tokens", "steps"), [(1, 4), (7, 4), (128, 50)])
def test_cells_have_the_colours_of_their_shares(tokens: int, steps: int, block: int | None) -> None:
    shown = attention(tokens, steps)
    pixels = np.asarray(draw_map(shown, block))
    expected = colours(shown.relative(block).numpy())
    assert np.abs(heat(pixels, tokens, steps).astype(int) - expected.astype(int)).max() <= 1


def test_the_colours_run_over_viridis() -> None:
    ends = colours(np.array([0.0, 1.0]))
    assert ["#" + bytes(end).hex() for end in ends] == [sequential.Viridis[0], sequential.Viridis[-1]]
    brightness = colours(np.linspace(0, 1, 50)).astype(float) @ [0.299, 0.587, 0.114]
    assert (np.diff(brightness) > 0).all()


def test_columns_are_wide_enough_for_their_labels_and_nothing_is_cut_off() -> None:
    for tokens in (1, 128):
        pixels = np.asarray(draw_map(attention(tokens, prompt="a word and another " * 40)))
        assert pixels.shape[1] >= tokens * CELL_WIDTHS[0] * SHARPNESS
        for edge in (pixels[:4], pixels[-4:], pixels[:, :4], pixels[:, -4:]):
            assert (edge == PAPER).all()


def test_labels_stand_under_the_columns() -> None:
    one, other = attention(2), attention(2)
    other = AttentionMap(prompt=one.prompt, tokens=["▁t0", "▁tomato"], timesteps=one.timesteps, weights=one.weights)
    first, second = (np.asarray(draw_map(shown)) for shown in (one, other))
    assert second.shape[0] > first.shape[0]  # room for the longer word
    shared = min(len(first), len(second))
    differing = np.argwhere((first[:shared] != second[:shared]).any(axis=-1))
    assert differing[:, 1].min() > (MARGIN + LEFT + CELL_WIDTHS[1] // 2) * SHARPNESS
