"""Drawing tokens: by chance, but by a row's own chance."""

import pytest
import torch

from captioning.cogvlm.sampling import draw, signed, uniform

LOGITS = torch.tensor([0.5, 0.05, 0.3, 0.15]).log()


def drawn(chance: float, *, temperature: float = 1.0, top_p: float = 1.0) -> int:
    return int(draw(LOGITS[None], torch.tensor([chance]), temperature=temperature, top_p=top_p))


def test_uniform_is_splitmix64() -> None:
    # The first outputs of the published generator seeded with 1234567, their upper 24 bits.
    outputs = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    numbers = uniform(torch.tensor([1234567] * 4), torch.arange(4))
    assert numbers.tolist() == [(output >> 40) / 2**24 for output in outputs]


def test_uniform_fills_its_interval_evenly() -> None:
    numbers = uniform(torch.arange(20_000) - 10_000, torch.arange(20_000) % 7)
    assert 0 <= numbers.min() < 0.001
    assert 0.999 < numbers.max() < 1
    assert torch.histc(numbers, bins=10, min=0, max=1).sub(2000).abs().max() < 200


def test_seeds_of_any_size_are_taken() -> None:
    assert [signed(seed) for seed in (5, -5, 2**63 - 1, 2**63, 2**64 - 1, 2**64 + 5)] == [
        5,
        -5,
        2**63 - 1,
        -(2**63),
        -1,
        5,
    ]


@pytest.mark.parametrize(("chance", "token"), [(0.0, 0), (0.49, 0), (0.51, 2), (0.79, 2), (0.81, 3), (0.97, 1)])
def test_chance_falls_on_the_tokens_by_their_probabilities_likeliest_first(chance: float, token: int) -> None:
    assert drawn(chance) == token


@pytest.mark.parametrize(("top_p", "tokens"), [(0.4, {0}), (0.6, {0, 2}), (0.9, {0, 2, 3}), (1.0, {0, 1, 2, 3})])
def test_only_the_likeliest_tokens_that_reach_top_p_are_drawn(top_p: float, tokens: set[int]) -> None:
    assert {drawn(chance / 100, top_p=top_p) for chance in range(100)} == tokens


def test_what_is_left_by_top_p_shares_the_whole_chance() -> None:
    share = sum(drawn(chance / 1000, top_p=0.6) == 0 for chance in range(1000)) / 1000
    assert share == pytest.approx(5 / 8, abs=0.002)


def test_temperature_flattens_and_sharpens() -> None:
    shares = [
        sum(drawn(chance / 1000, temperature=temperature) == 0 for chance in range(1000)) / 1000
        for temperature in (0.5, 1.0, 2.0)
    ]
    roots = LOGITS.mul(0.5).exp()
    squares = LOGITS.mul(2).exp()
    assert shares == pytest.approx([float(squares[0] / squares.sum()), 0.5, float(roots[0] / roots.sum())], abs=0.002)


def test_the_greatest_chance_there_is_still_finds_a_token() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(50, 1000, generator=generator)
    tokens = draw(logits, torch.full((50,), 1 - 2**-24), temperature=1.0, top_p=0.9)
    probabilities, ranked = logits.softmax(-1).sort(descending=True, stable=True)
    for row, token in enumerate(tokens):
        rank = int((ranked[row] == token).nonzero())
        assert probabilities[row, :rank].sum() < 0.9
