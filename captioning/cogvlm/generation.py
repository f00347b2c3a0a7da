"""Greedy decoding: images and token ids in, the tokens that CogVLM finds likeliest out."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captioning.cogvlm.cache import KeyValueCache
from captioning.cogvlm.model import CogVLM


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What the model wrote in one row.

    Args:
        tokens: ids, without the one that ends the text.
        ended: whether the model ended the text; otherwise the length cap did.
    """

    tokens: list[int]
    ended: bool


@torch.inference_mode()
def generate(
    model: CogVLM, pixels: Tensor, prompts: Sequence[Sequence[int]], *, max_new_tokens: int
) -> list[Generation]:
    """Continue each prompt, token by token, with the likeliest one.

    Args:
        model: on the device where this is to run.
        pixels: (B, 3, S, S), as `processing.preprocess` makes them, on any device.
        prompts: B sequences of token ids that follow the image.
        max_new_tokens: cap on the tokens of a row, the one that ends it counted.

    Raises:
        ValueError: images and prompts differ in number, there are none, the cap allows no token, or a text would
            outgrow the model's positions.
    """
    if not prompts or len(prompts) != len(pixels):
        raise ValueError(f"{len(pixels)} images and {len(prompts)} prompts: expected a prompt for each image")
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens is {max_new_tokens}: expected at least 1")
    text, padding = _left_pad(prompts, model)
    layout = model.layout(padding)
    _require_positions(model, text.shape[1] + max_new_tokens)
    cache = KeyValueCache(
        model.config,
        batch=len(text),
        capacity=layout.prefix + text.shape[1] + max_new_tokens - 1,  # no token follows the last one
        dtype=model.dtype,
        device=model.device,
    )
    eos = torch.tensor(model.config.eos_token_id, device=model.device)
    ended = torch.zeros(len(text), dtype=torch.bool, device=model.device)
    columns: list[Tensor] = []
    logits = model.prefill(pixels.to(model.device, model.dtype), text, layout, cache)
    while True:
        columns.append(logits.argmax(-1))
        ended |= torch.isin(columns[-1], eos)
        if len(columns) == max_new_tokens or ended.all():
            break
        logits = model.decode(columns[-1], layout, cache)
    rows = torch.stack(columns, dim=1).tolist()  # (B, tokens)
    return [_cut(row, model.config.eos_token_id) for row in rows]


def _left_pad(prompts: Sequence[Sequence[int]], model: CogVLM) -> tuple[Tensor, Tensor | None]:
    longest = max(len(prompt) for prompt in prompts)
    padding = [longest - len(prompt) for prompt in prompts]
    rows = [[model.config.pad_token_id] * pad + [*prompt] for pad, prompt in zip(padding, prompts, strict=True)]
    text = torch.tensor(rows, dtype=torch.long, device=model.device)  # (B, longest)
    return text, torch.tensor(padding, device=model.device) if any(padding) else None


def _require_positions(model: CogVLM, tokens: int) -> None:
    needed = 4 + tokens  # BOS, begin of image, one for all patches, end of image
    if needed > model.config.max_position_embeddings:
        raise ValueError(
            f"prompt and new tokens need {needed} positions, the model has {model.config.max_position_embeddings}: "
            "shorten the prompt or lower max_new_tokens"
        )


def _cut(row: list[int], eos: Sequence[int]) -> Generation:
    ends = [index for index, token in enumerate(row) if token in eos]
    return Generation(tokens=row[: ends[0]] if ends else row, ended=bool(ends))
