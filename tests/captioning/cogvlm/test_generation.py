"""Greedy decoding: the same tokens with a cache or without, alone or in company."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from captioning.cogvlm import CogVLM
from captioning.cogvlm.cache import KeyValueCache
from captioning.cogvlm.generation import generate
from tests.captioning.cogvlm.tiny import random_model, small_config

EQUAL = [[7, 21, 9], [5, 11, 30], [40, 41, 42]]
MIXED = [[7, 21, 9, 5], [30], [40, 41]]


def uncached(model: CogVLM, pixels: Tensor, prompt: Sequence[int], length: int) -> list[int]:
    """Greedy decoding that runs the whole sequence anew for each token."""
    tokens: list[int] = []
    for _ in range(length):
        logits = model(pixels[None], torch.tensor([[*prompt, *tokens]]))
        tokens.append(int(logits[0, -1].argmax()))
    return tokens


@pytest.mark.parametrize("prompts", [EQUAL, MIXED], ids=["equal", "mixed"])
def test_cached_in_a_batch_is_uncached_alone(model: CogVLM, pixels: Tensor, prompts: list[list[int]]) -> None:
    rows = generate(model, pixels, prompts, max_new_tokens=12)
    for row, image, prompt in zip(rows, pixels, prompts, strict=True):
        tokens = uncached(model, image, prompt, 12)
        if 2 in tokens:
            tokens = tokens[: tokens.index(2)]
        assert row.tokens == tokens


def test_prefill_and_decode_give_the_logits_of_the_whole_sequence(model: CogVLM, pixels: Tensor) -> None:
    text = torch.tensor(EQUAL)
    layout = model.layout()
    cache = KeyValueCache(
        model.config, batch=3, capacity=layout.prefix + 3, dtype=model.dtype, device=torch.device("cpu")
    )
    whole = model(pixels, text)
    torch.testing.assert_close(
        model.prefill(pixels, text[:, :1], layout, cache), whole[:, layout.prefix], rtol=1e-5, atol=1e-5
    )
    for step in (1, 2):
        logits = model.decode(text[:, step], layout, cache)
        torch.testing.assert_close(logits, whole[:, layout.prefix + step], rtol=1e-5, atol=1e-5)


def test_ends_where_the_model_does_and_other_rows_go_on(pixels: Tensor) -> None:
    model = random_model(small_config(v2=False))
    free = [uncached(model, image, prompt, 8) for image, prompt in zip(pixels, EQUAL, strict=True)]
    end = next(token for token in free[0] if token not in free[1])
    silent = min(set(range(50)) - {token for row in free for token in row})
    model.config = replace(model.config, eos_token_id=(silent, end))
    rows = generate(model, pixels, EQUAL, max_new_tokens=8)
    for row, tokens in zip(rows, free, strict=True):
        stop = next((index for index, token in enumerate(tokens) if token == end), None)
        assert row.tokens == tokens[:stop]
        assert row.ended == (stop is not None)
    assert rows[0].ended
    assert not rows[1].ended


def test_decoding_stops_once_every_row_has_ended(pixels: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(small_config(v2=False))
    model.config = replace(model.config, eos_token_id=(2, 3))
    script = torch.tensor([[5, 2, 7, 7, 7, 7], [6, 6, 6, 3, 6, 6], [2, 8, 8, 8, 8, 8]])
    steps: list[Tensor] = []

    def say(*_: object) -> Tensor:
        steps.append(script[:, len(steps)])
        return torch.nn.functional.one_hot(steps[-1], 50).float()

    monkeypatch.setattr(model, "prefill", say)
    monkeypatch.setattr(model, "decode", say)
    rows = generate(model, pixels, EQUAL, max_new_tokens=6)
    assert [(row.tokens, row.ended) for row in rows] == [([5], True), ([6, 6, 6], True), ([], True)]
    assert len(steps) == 4


def test_an_end_in_the_last_place_is_an_end(pixels: Tensor) -> None:
    model = random_model(small_config(v2=False))
    free = uncached(model, pixels[0], EQUAL[0], 8)
    last = max(free.index(token) for token in free)  # where a token is first said, as late as that happens
    assert last > 0
    model.config = replace(model.config, eos_token_id=(free[last],))
    (row,) = generate(model, pixels[:1], EQUAL[:1], max_new_tokens=last + 1)
    assert (row.tokens, row.ended) == (free[:last], True)


def test_the_cap_holds(pixels: Tensor) -> None:
    model = random_model(small_config(v2=True))
    said = {token for image, prompt in zip(pixels, EQUAL, strict=True) for token in uncached(model, image, prompt, 5)}
    model.config = replace(model.config, eos_token_id=(min(set(range(50)) - said),))
    rows = generate(model, pixels, EQUAL, max_new_tokens=5)
    assert [(len(row.tokens), row.ended) for row in rows] == [(5, False)] * 3


def test_the_positions_of_the_model_hold(pixels: Tensor) -> None:
    model = random_model(small_config(v2=False))  # 64 positions: 4 up to the image's end, 3 of prompt, 57 of text
    assert len(generate(model, pixels[:1], EQUAL[:1], max_new_tokens=57)) == 1
    with pytest.raises(ValueError, match="need 65 positions, the model has 64: shorten the prompt or lower"):
        generate(model, pixels[:1], EQUAL[:1], max_new_tokens=58)


def test_the_cap_allows_at_least_one_token(model: CogVLM, pixels: Tensor) -> None:
    with pytest.raises(ValueError, match="max_new_tokens is 0: expected at least 1"):
        generate(model, pixels, EQUAL, max_new_tokens=0)


def test_images_and_prompts_go_in_pairs(model: CogVLM, pixels: Tensor) -> None:
    with pytest.raises(ValueError, match="3 images and 2 prompts"):
        generate(model, pixels, EQUAL[:2], max_new_tokens=1)
    with pytest.raises(ValueError, match="0 images and 0 prompts"):
        generate(model, pixels[:0], [], max_new_tokens=1)
