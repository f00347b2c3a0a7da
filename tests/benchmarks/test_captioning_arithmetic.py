"""The arithmetic of an image, against numbers that were worked out elsewhere."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import captioning_gpu
from benchmarks.captioning_arithmetic import (
    DEVICES,
    decode_bytes,
    decode_flops,
    least_seconds,
    prefill_flops,
    vision_flops,
)
from captioning.cogvlm import CogVLM
from captioning.cogvlm.cache import KeyValueCache
from tests.captioning.cogvlm.tiny import small_config

CONFIG = captioning_gpu.CONFIG
TERA = 1e12


def test_an_image_at_490_px_takes_29_tflop() -> None:
    assert vision_flops(CONFIG) / TERA == pytest.approx(11, abs=0.7)
    assert prefill_flops(CONFIG, 30) / TERA == pytest.approx(16.5, abs=0.7)
    assert decode_flops(CONFIG, 30, 70) / TERA == pytest.approx(1, abs=0.1)


def test_keys_and_values_take_half_a_megabyte_a_token() -> None:
    alone = decode_bytes(CONFIG, 30, 1, rows=1)
    shared = decode_bytes(CONFIG, 30, 1, rows=10**9)
    assert shared / (3 + 1225 + 30.5) == pytest.approx(0.52e6, rel=0.01)
    assert alone - shared == pytest.approx(2 * 6.6e9, rel=0.02)  # the language model's weights, in bfloat16


@pytest.mark.parametrize("v2", [False, True])
def test_it_is_what_pytorch_counts(v2: bool) -> None:
    config = small_config(v2=v2)
    with torch.device("meta"):
        model = CogVLM(config)
    cache = KeyValueCache(config, batch=1, capacity=40, dtype=torch.float32, device=torch.device("meta"))
    pixels, text = torch.empty(1, 3, 24, 24, device="meta"), torch.empty(1, 5, dtype=torch.long, device="meta")
    one, row = torch.ones(1, dtype=torch.long, device="meta"), torch.zeros(1, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as seeing:
        model.model.vision(pixels)
    with FlopCounterMode(display=False) as all_of_it:
        model.prefill(pixels, text, 5 * one, cache, row)
    assert vision_flops(config) == seeing.get_total_flops()
    language = all_of_it.get_total_flops() - seeing.get_total_flops()
    slots = 3 + config.num_patches + 5
    above_the_diagonal = config.num_hidden_layers * 2 * slots**2 * config.hidden_size  # which PyTorch counts too
    assert prefill_flops(config, 5) + above_the_diagonal == language


def test_the_least_time_is_bound_by_arithmetic_for_many_rows_and_by_memory_for_few() -> None:
    device = DEVICES["H200"]
    seeing = (vision_flops(CONFIG) + prefill_flops(CONFIG, 30)) / device.flops
    alone = least_seconds(CONFIG, device, 30, 70, rows=1) - seeing
    assert alone == pytest.approx(decode_bytes(CONFIG, 30, 70, 1) / device.bandwidth)
    assert alone > 5 * (least_seconds(CONFIG, device, 30, 70, rows=16) - seeing)
