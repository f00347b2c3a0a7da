"""Generation: what is written about an image, whatever else is written beside it, before it and after it."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from captioning.captioner import Sampling
from captioning.cogvlm import CogVLM
from captioning.cogvlm.decoder import Decoder
from captioning.cogvlm.generation import Generation, fits, generate
from captioning.cogvlm.sampling import draw, uniform
from tests.captioning.cogvlm.tiny import random_model, small_config

EQUAL = [[7, 21, 9], [5, 11, 30], [40, 41, 42]]
MIXED = [[7, 21, 9, 5], [30], [40, 41]]
MANY = [[7, 21, 9], [30], [40, 41], [], [8, 8, 8, 8], [12, 13], [44], [45, 46, 47]]
CAPS = [5, 12, 3, 9, 1, 14, 7, 10]


@pytest.fixture
def many() -> Tensor:
    """Eight images."""
    return torch.randn(8, 3, 24, 24, generator=torch.Generator().manual_seed(2))


def uncached(model: CogVLM, pixels: Tensor, prompt: Sequence[int], length: int) -> list[int]:
    """Greedy decoding that runs the whole sequence anew for each token."""
    tokens: list[int] = []
    for _ in range(length):
        logits = model(pixels[None], torch.tensor([[*prompt, *tokens]], dtype=torch.long))
        tokens.append(int(logits[0, -1].argmax()))
    return tokens


def cut(tokens: list[int], end: int) -> Generation:
    """What `tokens` are to a model that knows one end."""
    if end in tokens:
        return Generation(tokens=tokens[: tokens.index(end)], ending="stop")
    return Generation(tokens=tokens, ending="length")


@pytest.mark.parametrize("prompts", [EQUAL, MIXED], ids=["equal", "mixed"])
def test_cached_in_a_batch_is_uncached_alone(model: CogVLM, pixels: Tensor, prompts: list[list[int]]) -> None:
    rows = generate(model, pixels, prompts, max_new_tokens=12)
    alone = [uncached(model, image, prompt, 12) for image, prompt in zip(pixels, prompts, strict=True)]
    assert rows == [cut(tokens, 2) for tokens in alone]


@pytest.mark.parametrize("steps", [1, 3, 100])
@pytest.mark.parametrize("slots", [1, 2, 3, 7, 8, 20])
def test_refilled_slots_write_what_each_row_writes_alone(model: CogVLM, many: Tensor, slots: int, steps: int) -> None:
    alone = [cut(uncached(model, image, prompt, cap), 2) for image, prompt, cap in zip(many, MANY, CAPS, strict=True)]
    assert generate(model, many, MANY, max_new_tokens=CAPS, slots=slots, steps=steps) == alone


def test_the_order_in_which_slots_are_refilled_does_not_matter(model: CogVLM, many: Tensor) -> None:
    straight = generate(model, many, MANY, max_new_tokens=CAPS, slots=3, steps=2)
    for order in itertools.islice(itertools.permutations(range(8)), 0, 40320, 5000):
        shuffled = generate(
            model,
            many[list(order)],
            [MANY[row] for row in order],
            max_new_tokens=[CAPS[row] for row in order],
            slots=3,
            steps=2,
        )
        assert shuffled == [straight[row] for row in order]


def test_drawn_tokens_depend_on_a_rows_seed_and_on_nothing_else(model: CogVLM, many: Tensor) -> None:
    seeds = tuple(range(100, 108))
    together = generate(model, many, MANY, max_new_tokens=9, sampling=Sampling(seeds=seeds), slots=3)
    for row, seed in enumerate(seeds):
        alone = Sampling(seeds=(seed,))
        assert generate(model, many[row : row + 1], [MANY[row]], max_new_tokens=9, sampling=alone) == [together[row]]
    others = generate(model, many, MANY, max_new_tokens=9, sampling=Sampling(seeds=seeds[::-1]), slots=3)
    assert sum(one != other for one, other in zip(together, others, strict=True)) >= 6


def test_drawn_tokens_are_those_of_the_models_probabilities(model: CogVLM, pixels: Tensor) -> None:
    sampling = Sampling(seeds=(2**64 - 3,), temperature=1.3, top_p=0.8)
    (row,) = generate(model, pixels[:1], [[7, 21]], max_new_tokens=9, sampling=sampling)
    tokens: list[int] = []
    for step in range(9):
        logits = model(pixels[:1], torch.tensor([[7, 21, *tokens]]))[:, -1]
        chance = uniform(torch.tensor([-3]), torch.tensor([step]))
        tokens.append(int(draw(logits, chance, temperature=1.3, top_p=0.8)))
    assert row == cut(tokens, 2)


def test_ends_where_the_model_does_and_other_rows_go_on(pixels: Tensor) -> None:
    model = random_model(small_config(v2=False))
    free = [uncached(model, image, prompt, 8) for image, prompt in zip(pixels, EQUAL, strict=True)]
    end = next(token for token in free[0] if token not in free[1])
    silent = min(set(range(50)) - {token for row in free for token in row})
    model.config = replace(model.config, eos_token_id=(silent, end))
    rows = generate(model, pixels, EQUAL, max_new_tokens=8)
    assert rows == [cut(tokens, end) for tokens in free]
    assert rows[0].ending == "stop"
    assert rows[1].ending == "length"


class Script:
    """Puts words into a model's mouth: each row says what its prompt's first token stands for, and then zeros."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, model: CogVLM, lines: dict[int, list[int]]) -> None:
        self.lines, self.decoded, self.prefilled = lines, 0, []
        self.rows: dict[int, Iterator[int]] = {}
        monkeypatch.setattr(model, "prefill", self._prefill)
        monkeypatch.setattr(model, "decode", self._decode)

    def _prefill(self, pixels: Tensor, text: Tensor, lengths: Tensor, cache: object, rows: Tensor) -> Tensor:
        self.prefilled.append(rows.tolist())
        for row, name in zip(rows.tolist(), text[:, 0].tolist(), strict=True):
            self.rows[row] = itertools.chain(self.lines[name], itertools.repeat(0))
        return self._say(rows.tolist())

    def _decode(self, tokens: Tensor, cache: object, window: int) -> Tensor:
        self.decoded += 1
        return self._say(range(len(tokens)))

    def _say(self, rows: Sequence[int]) -> Tensor:
        return torch.nn.functional.one_hot(torch.tensor([next(self.rows[row]) for row in rows]), 50).float()


def test_a_slot_is_refilled_when_its_text_has_ended(many: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(small_config(v2=False))
    lines = {10: [5, 2], 11: [*range(20, 29), 2], 12: [6, 6, 6, 2], 13: [2], 14: [7, 8, 2]}
    script = Script(monkeypatch, model, lines)
    rows = generate(model, many[:5], [[10], [11], [12], [13], [14]], max_new_tokens=20, slots=2, steps=2)
    assert [row.tokens for row in rows] == [line[:-1] for line in lines.values()]
    assert {row.ending for row in rows} == {"stop"}
    assert script.prefilled == [[0, 1], [0], [0], [0]]
    # 2 steps for the first text, 4 for the third, 2 and 4 for those after it, while the second needs 10 in all.
    assert script.decoded == 12


def test_the_host_looks_no_more_often_than_it_is_told(many: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(small_config(v2=False))
    looks: list[object] = []
    read = Decoder.read
    monkeypatch.setattr(Decoder, "read", lambda decoder: looks.append(decoder) or read(decoder))
    Script(monkeypatch, model, {10: [*range(20, 40), 2]})
    generate(model, many[:1], [[10]], max_new_tokens=30, steps=8)
    assert len(looks) == 3


def test_a_text_that_repeats_itself_is_ended(many: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(small_config(v2=False))
    passage = [10, 11, 12, 13, 14, 15, 16]
    Script(monkeypatch, model, {10: [5, *passage * 5, 2], 11: list(range(3, 33)), 12: [2]})
    rows = generate(model, many[:3], [[10], [11], [12]], max_new_tokens=30, slots=2)
    assert rows[0] == Generation(tokens=[5, *passage * 3], ending="loop")
    assert rows[1] == Generation(tokens=list(range(3, 33)), ending="length")
    assert rows[2] == Generation(tokens=[], ending="stop")


def test_a_new_text_does_not_go_on_with_its_slots_last_one(many: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(small_config(v2=False))
    Script(monkeypatch, model, {10: [*[7] * 9, 2], 11: [*[7] * 9, 2]})
    rows = generate(model, many[:2], [[10], [11]], max_new_tokens=30, slots=1)
    assert rows == [Generation(tokens=[7] * 9, ending="stop")] * 2


def test_an_end_in_the_last_place_is_an_end(pixels: Tensor) -> None:
    model = random_model(small_config(v2=False))
    free = uncached(model, pixels[0], EQUAL[0], 8)
    last = max(free.index(token) for token in free)  # where a token is first said, as late as that happens
    assert last > 0
    model.config = replace(model.config, eos_token_id=(free[last],))
    rows = generate(model, pixels[:1], EQUAL[:1], max_new_tokens=last + 1)
    assert rows == [Generation(tokens=free[:last], ending="stop")]


def test_images_are_taken_as_slots_become_free(model: CogVLM, many: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    taken_by_look: list[int] = []
    read = Decoder.read
    monkeypatch.setattr(Decoder, "read", lambda decoder: taken_by_look.append(len(taken)) or read(decoder))

    def images() -> Iterator[Tensor]:
        for index, image in enumerate(many):
            taken.append(index)
            yield image

    rows = generate(model, images(), MANY, max_new_tokens=CAPS, slots=2, steps=1)
    assert rows == generate(model, many, MANY, max_new_tokens=CAPS)
    assert taken_by_look[0] == 2
    assert len(set(taken_by_look)) >= 5


def test_the_positions_of_the_model_hold(pixels: Tensor) -> None:
    model = random_model(small_config(v2=False))  # 64 positions: 4 up to the image's end, 3 of prompt, 57 of text
    assert len(generate(model, pixels[:1], EQUAL[:1], max_new_tokens=57)) == 1
    assert fits(model.config, EQUAL[0], 57)
    assert not fits(model.config, EQUAL[0], 58)
    with pytest.raises(ValueError, match="need 65 positions, the model has 64: shorten the prompt or lower"):
        generate(model, pixels[:1], EQUAL[:1], max_new_tokens=58)


def test_the_cap_allows_at_least_one_token(model: CogVLM, pixels: Tensor) -> None:
    with pytest.raises(ValueError, match="max_new_tokens is 0: expected at least 1"):
        generate(model, pixels, EQUAL, max_new_tokens=[3, 0, 3])


def test_there_is_one_of_each_for_each_image(model: CogVLM, pixels: Tensor) -> None:
    with pytest.raises(ValueError, match="3 images and 2 prompts"):
        generate(model, pixels, EQUAL[:2], max_new_tokens=1)
    with pytest.raises(ValueError, match="0 images and 0 prompts"):
        generate(model, pixels[:0], [], max_new_tokens=1)
    with pytest.raises(ValueError, match="3 prompts, 2 caps, 3 seeds"):
        generate(model, pixels, EQUAL, max_new_tokens=[1, 1])
    with pytest.raises(ValueError, match="3 prompts, 3 caps, 1 seeds"):
        generate(model, pixels, EQUAL, max_new_tokens=1, sampling=Sampling(seeds=(1,)))
