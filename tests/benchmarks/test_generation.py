"""The generation benchmark counts what it says it counts, and compares before it times."""

import re

import pytest
import torch
from diffusers import UNet2DConditionModel

from benchmarks.generation import arithmetic, measure, random_connector, random_unet
from training.connectors import TimestepAwareSemanticConnector


def small_unet() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8, attention_head_dim=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=768,
    ).eval()  # fmt: skip


def small_connector() -> TimestepAwareSemanticConnector:
    return TimestepAwareSemanticConnector(latents=4, depth=1)


def test_the_models_have_the_sizes_of_the_published_ones() -> None:
    counts = [sum(weight.numel() for weight in make("meta").parameters()) for make in (random_unet, random_connector)]
    assert counts == [859_520_964, 66_820_608]


def test_the_arithmetic_of_the_connector_is_that_of_its_shapes() -> None:
    rows = re.findall(r"\| (\d+) px \| ([\d,]+) GFLOP \| ([\d.]+) GFLOP \| ([\d.]+)% \|", arithmetic())
    assert [row[0] for row in rows] == ["256", "512", "768"]
    width, queries, text = 768, 64, 128
    keys = queries + text
    block = (2 * queries + 2 * keys) * width**2 + 2 * queries * keys * width  # attention
    block += 2 * queries * width * 4 * width + 3 * width * 2 * width  # MLP and norms
    outside = text * 2048 * width + 320 * width + 2 * width**2
    expected = 2 * 2 * (6 * block + outside) / 1e9  # a multiplication and an addition, of both prompts
    for _, drawing, asking, share in rows:
        assert float(asking) == pytest.approx(expected, rel=0.01)
        assert float(share) == pytest.approx(100 * expected / float(drawing.replace(",", "")), abs=0.06)


def test_a_step_is_measured_with_and_without() -> None:
    shown = measure(small_unet(), small_connector(), size=64, rounds=2)
    assert re.search(r"\| bare \| \d+\.\d\d \| \| \|\n\| equipped \| \d+\.\d\d \| [+-][\d.]+% ", shown)
    assert shown.startswith("64 px, float32, both guidance halves, 2 rounds in turn")


def test_what_differs_is_not_timed() -> None:
    connector = small_connector()
    forward = connector.forward
    calls = iter(range(100))
    connector.forward = lambda *given: forward(*given) * (1 + next(calls))  # type: ignore[method-assign]
    with pytest.raises(SystemExit, match="the predictions differ by up to"):
        measure(small_unet(), connector, size=64, rounds=1)
