"""The host's side of generation: images and prompts in, texts out, and never an idle slot while there are more.

A slot whose text has ended is given the next image ("continuous batching": Yu et al., "Orca", 2022). What is written
about an image depends on the image and its prompt, up to rounding, and not on which slot it got, or when.
"""

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass

import torch
from torch import Tensor

from captioning.captioner import Sampling
from captioning.cogvlm.acceleration import Acceleration
from captioning.cogvlm.config import CogVLMConfig
from captioning.cogvlm.decoder import Decoder, Ending
from captioning.cogvlm.model import CogVLM

WINDOW = 32
"""Slots of the cache are looked at in multiples of this, so that there are few shapes to compile or to record."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What the model wrote about one image.

    Args:
        tokens: ids, without the one that ends the text.
        ending: why it ends.
    """

    tokens: list[int]
    ending: Ending


@dataclass(kw_only=True)
class _Row:
    """A text to be written: its place among the results, and how much of it the host knows to be there."""

    index: int
    prompt: Sequence[int]
    cap: int
    seed: int
    written: int = 0


@torch.inference_mode()
def generate(
    model: CogVLM,
    pixels: Iterable[Tensor],
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int | Sequence[int],
    sampling: Sampling | None = None,
    slots: int | None = None,
    steps: int = 8,
    acceleration: Acceleration = "none",
) -> list[Generation]:
    """Continue each prompt, token by token.

    Args:
        model: on the device where this is to run.
        pixels: N images (3, S, S), as `processing.preprocess` makes them, on any device; taken as slots become free.
        prompts: N sequences of token ids that follow the image. Rows that begin together are padded to the longest of
            them: put prompts of like length beside each other.
        max_new_tokens: cap on the tokens of a row, the one that ends it counted; one for all or one a row.
        sampling: how to draw tokens, with N seeds; None to take the likeliest.
        slots: rows that are written at once; None for all.
        steps: tokens that are written in each slot before the host looks which rows have ended.
        acceleration: of the device's steps.

    Raises:
        ValueError: images, prompts, caps or seeds differ in number, there are none, a cap allows no token, or a text
            would outgrow the model's positions.
    """
    rows = _rows(model.config, pixels, prompts, max_new_tokens, sampling)
    slots = min(slots or len(rows), len(rows))
    prefix = model.layout.prefix
    decoder = Decoder(
        model,
        slots=slots,
        capacity=_windowed(max(prefix + len(row.prompt) + row.cap for row in rows)),
        longest=max(row.cap for row in rows),
        sampling=sampling,
        acceleration=acceleration,
    )
    queue = zip(rows, pixels, strict=True)
    writing: dict[int, _Row] = {}
    done: dict[int, Generation] = {}
    while len(done) < len(rows):
        arrivals = dict(zip([slot for slot in range(slots) if slot not in writing], queue, strict=False))
        if arrivals:
            _admit(decoder, arrivals)
            writing |= {slot: row for slot, (row, _) in arrivals.items()}
        ahead = min(steps, max(row.cap - row.written for row in writing.values()))
        furthest = max(prefix + len(row.prompt) + min(row.written + ahead, row.cap) for row in writing.values())
        decoder.run(ahead, window=_windowed(furthest))
        for slot, text in enumerate(decoder.read()):
            if slot not in writing:
                continue
            writing[slot].written = len(text.tokens)
            if text.ending:
                done[writing.pop(slot).index] = Generation(tokens=text.tokens, ending=text.ending)
    return [done[row.index] for row in rows]


def fits(config: CogVLMConfig, prompt: Sequence[int], max_new_tokens: int) -> bool:
    """Whether the model has positions for `prompt`, its image and `max_new_tokens`."""
    return _positions(prompt, max_new_tokens) <= config.max_position_embeddings


def _windowed(slots: int) -> int:
    return -(-slots // WINDOW) * WINDOW


def _positions(prompt: Sequence[int], cap: int) -> int:
    return 4 + len(prompt) + cap  # BOS, begin of image, one for all patches, end of image


def _rows(
    config: CogVLMConfig,
    pixels: Iterable[Tensor],
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int | Sequence[int],
    sampling: Sampling | None,
) -> list[_Row]:
    count = len(prompts)
    if not prompts or (isinstance(pixels, Sized) and len(pixels) != count):
        images = len(pixels) if isinstance(pixels, Sized) else "unknown many"
        raise ValueError(f"{images} images and {count} prompts: expected a prompt for each image")
    caps = [max_new_tokens] * count if isinstance(max_new_tokens, int) else max_new_tokens
    seeds = sampling.seeds if sampling else [0] * count
    if not len(caps) == len(seeds) == count:
        raise ValueError(f"{count} prompts, {len(caps)} caps, {len(seeds)} seeds: expected one of each for each image")
    for prompt, cap in zip(prompts, caps, strict=True):
        if cap < 1:
            raise ValueError(f"max_new_tokens is {cap}: expected at least 1")
        if not fits(config, prompt, cap):
            raise ValueError(
                f"prompt and new tokens need {_positions(prompt, cap)} positions, the model has "
                f"{config.max_position_embeddings}: shorten the prompt or lower max_new_tokens"
            )
    return [
        _Row(index=index, prompt=prompt, cap=cap, seed=seed)
        for index, (prompt, cap, seed) in enumerate(zip(prompts, caps, seeds, strict=True))
    ]


def _admit(decoder: Decoder, arrivals: dict[int, tuple[_Row, Tensor]]) -> None:
    rows = [row for row, _ in arrivals.values()]
    decoder.admit(
        list(arrivals),
        torch.stack([image for _, image in arrivals.values()]),
        [row.prompt for row in rows],
        [row.cap for row in rows],
        [row.seed for row in rows],
    )
