"""What a step draws: right in distribution, and a function of seed, purpose and position alone."""

import pytest
import torch

from training.draws import BLOCKS, Draws

POSITIONS = torch.arange(2000)


def test_normal_numbers_are_normal_within_a_pair_and_across_pairs() -> None:
    numbers = Draws(0, POSITIONS).normal("noise", (4, 5, 5))
    assert numbers.shape == (2000, 4, 5, 5)
    assert numbers.dtype == torch.float32
    assert numbers.mean().abs() < 0.01
    assert numbers.std() == pytest.approx(1, abs=0.01)
    assert (numbers.abs() > 1.96).float().mean() == pytest.approx(0.05, abs=0.002)
    assert len(numbers.unique()) > 0.9 * numbers.numel()  # no pair draws on from where another begins
    neighbours = torch.corrcoef(torch.stack([numbers[:-1].flatten(), numbers[1:].flatten()]))[0, 1]
    pixels = torch.corrcoef(numbers.flatten(1).T) - torch.eye(100)
    assert neighbours.abs() < 0.01
    assert pixels.abs().max() < 0.12  # five standard deviations of a correlation over 2000 pairs


def test_uniform_numbers_fill_their_range() -> None:
    numbers = Draws(0, POSITIONS).uniform("caption")
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = torch.histc(numbers, bins=10, min=0, max=1)
    assert counts.min() > 140
    assert counts.max() < 260


def test_whole_numbers_reach_both_ends_and_no_further() -> None:
    numbers = Draws(0, POSITIONS).integers("timestep", 7)
    assert numbers.dtype == torch.int64
    assert set(numbers.tolist()) == set(range(7))
    assert numbers.bincount().min() > 200


def test_a_pair_draws_the_same_whatever_the_batch() -> None:
    whole = Draws(3, POSITIONS[:12])
    for positions in (POSITIONS[4:8], POSITIONS[5:6], torch.tensor([11, 0, 5])):
        part = Draws(3, positions)
        assert torch.equal(part.normal("noise", (2, 3, 3)), whole.normal("noise", (2, 3, 3))[positions])
        assert torch.equal(part.uniform("caption"), whole.uniform("caption")[positions])
        assert torch.equal(part.integers("timestep", 1000), whole.integers("timestep", 1000)[positions])


def test_nothing_else_matters() -> None:
    torch.manual_seed(1)
    first = Draws(0, POSITIONS[:3]).normal("noise", (2, 2, 2))
    torch.manual_seed(2)
    assert torch.equal(Draws(0, POSITIONS[:3]).normal("noise", (2, 2, 2)), first)


def test_seeds_purposes_and_positions_draw_apart() -> None:
    far = torch.tensor([0, 1, 2**37])
    drawn = [
        *Draws(0, far).normal("noise", (3,)).tolist(),
        *Draws(1, far).normal("noise", (3,)).tolist(),
        *Draws(0, far).normal("latents", (3,)).tolist(),
    ]
    assert len({tuple(numbers) for numbers in drawn}) == 9


def test_a_pair_has_room_for_the_largest_latents() -> None:
    numbers_a_pair = 4 * BLOCKS
    assert numbers_a_pair >= 16 * 512 * 512
    assert 2**38 * BLOCKS < 2**63


def test_mixed_precision_does_not_reach_it() -> None:
    expected = Draws(0, POSITIONS[:3]).normal("noise", (2, 2, 2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(Draws(0, POSITIONS[:3]).normal("noise", (2, 2, 2)), expected)


if torch.cuda.is_available():

    def test_a_gpu_draws_what_the_cpu_draws() -> None:
        there, here = Draws(5, POSITIONS[:8].cuda()), Draws(5, POSITIONS[:8])
        torch.testing.assert_close(there.normal("noise", (4, 8, 8)).cpu(), here.normal("noise", (4, 8, 8)))
        assert torch.equal(there.integers("timestep", 1000).cpu(), here.integers("timestep", 1000))
