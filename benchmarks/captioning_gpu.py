"""CogVLM's full size on a GPU, with random weights: images a second, and how near that is to what the GPU could do."""

import io
import statistics
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.captioning import random_model
from benchmarks.captioning_arithmetic import DEVICES, Device, least_seconds, prefill_flops, vision_flops
from captioning.cogvlm import CogVLM, CogVLMConfig, VisionConfig
from captioning.cogvlm.acceleration import Acceleration
from captioning.cogvlm.cache import KeyValueCache
from captioning.cogvlm.generation import generate
from captioning.cogvlm.processing import preprocess
from curation.ahead import ahead

GOAL_IMAGES_A_SECOND = 12
GOAL_PREFILL_SHARE = 0.55

PROMPT = 30
"""Tokens: ELLA's question, in the chat template."""

TOKENS = 70
"""Of a caption."""

CONFIG = CogVLMConfig(
    hidden_size=4096,
    intermediate_size=11008,
    num_hidden_layers=32,
    num_attention_heads=32,
    vocab_size=32000,
    max_position_embeddings=2048,
    vision_config=VisionConfig(
        image_size=490,
        patch_size=14,
        hidden_size=1792,
        intermediate_size=15360,
        num_heads=16,
        num_hidden_layers=63,
        num_positions=1226,
    ),
)
"""cogvlm-chat-hf's."""


def measure(*, images: int, slots: int, acceleration: Acceleration) -> str:
    """Prefill alone, then everything from JPEG to tokens; a table in Markdown.

    Raises:
        ValueError: there is no GPU, or one whose peak is not known.
    """
    device = _device()
    model = random_model(CONFIG, "cuda", torch.bfloat16)
    prefill = _prefill_seconds(model, slots) / slots
    prefill_share = (vision_flops(CONFIG) + prefill_flops(CONFIG, PROMPT)) / prefill / device.flops
    seconds = _caption_seconds(model, images, slots, acceleration) / images
    share = least_seconds(CONFIG, device, PROMPT, TOKENS, slots) / seconds
    return "\n".join(
        [
            f"{torch.cuda.get_device_name()}, bfloat16, {images} images, {slots} slots, {TOKENS} tokens an image, "
            f"acceleration {acceleration}, {torch.cuda.max_memory_allocated() / 2**30:.0f} GiB at most",
            "",
            "| | measured | goal |",
            "|---|---|---|",
            f"| images/s, from JPEG to tokens | {1 / seconds:.1f} | {GOAL_IMAGES_A_SECOND} |",
            f"| share of the roofline, all in all | {share:.0%} | |",
            f"| share of peak in prefill (vision and language) | {prefill_share:.0%} | {GOAL_PREFILL_SHARE:.0%} |",
        ]
    )


def _device() -> Device:
    if not torch.cuda.is_available():
        raise ValueError("there is no GPU: leave --gpu out for the comparison on a CPU")
    name = torch.cuda.get_device_name()
    for part, device in DEVICES.items():
        if part in name:
            return device
    raise ValueError(f"the peak of {name} is not known: add it to DEVICES in benchmarks/captioning_arithmetic.py")


@torch.inference_mode()
def _prefill_seconds(model: CogVLM, rows: int) -> float:
    cache = KeyValueCache(
        CONFIG,
        batch=rows,
        capacity=model.layout.prefix + PROMPT,
        dtype=model.dtype,
        device=model.device,
    )
    pixels = torch.randn(rows, 3, 490, 490, device=model.device).to(model.dtype)
    text = torch.full((rows, PROMPT), 100, device=model.device)
    lengths = torch.full((rows,), PROMPT, device=model.device)
    everything = torch.arange(rows, device=model.device)
    return _seconds(lambda: model.prefill(pixels, text, lengths, cache, everything))


def _caption_seconds(model: CogVLM, images: int, slots: int, acceleration: Acceleration) -> float:
    jpegs = [_jpeg(seed) for seed in range(8)]

    def pixels(index: int) -> Tensor:
        with Image.open(io.BytesIO(jpegs[index % len(jpegs)])) as image:
            return preprocess([image], 490)[0]

    def caption() -> None:
        generate(
            model,
            ahead(pixels, range(images), threads=8, distance=slots),
            [[100] * PROMPT] * images,
            max_new_tokens=TOKENS,
            slots=slots,
            acceleration=acceleration,
        )

    return _seconds(caption)


def _seconds(run: Callable[[], object], times: int = 3) -> float:
    """Median of some runs after one that warms up."""
    run()
    seconds: list[float] = []
    for _ in range(times):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        seconds.append(begin.elapsed_time(end) / 1000)
    return statistics.median(seconds)


def _jpeg(seed: int) -> bytes:
    """A photo-like picture of 1024 x 768: smooth, so that it is as large as a photo and not as noise."""
    coarse = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(coarse).resize((1024, 768), Image.Resampling.BICUBIC).save(data, "JPEG", quality=90)
    return data.getvalue()
