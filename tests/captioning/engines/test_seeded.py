"""Sampling with a generator a row."""

import pytest
import torch

from captioning.captioner import Sampling
from captioning.engines.seeded import SeededSampling

LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, -5.0])
ROWS = 4_000


def draw(logits: torch.Tensor, *, rows: int = ROWS, **settings: float) -> torch.Tensor:
    sampling = Sampling(seeds=tuple(range(rows)), **settings)
    scores = SeededSampling(sampling)(torch.zeros(rows, 1, dtype=torch.long), logits.expand(rows, -1))
    return scores.argmax(-1)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.0])
def test_tokens_are_drawn_as_often_as_they_are_likely(temperature: float) -> None:
    shares = draw(LOGITS, temperature=temperature, top_p=1.0).bincount(minlength=5) / ROWS
    torch.testing.assert_close(shares, (LOGITS / temperature).softmax(-1), atol=0.03, rtol=0)


def test_only_the_likeliest_that_reach_top_p_are_drawn() -> None:
    probabilities = torch.tensor([0.1, 0.5, 0.3, 0.1])
    for top_p, allowed in ((0.4, {1}), (0.6, {1, 2}), (0.79, {1, 2}), (1.0, {0, 1, 2, 3})):
        assert set(draw(probabilities.log(), rows=2000, temperature=1.0, top_p=top_p).tolist()) == allowed


def test_a_row_has_its_own_stream_that_goes_on_from_token_to_token() -> None:
    ids, logits = torch.zeros(3, 1, dtype=torch.long), torch.zeros(3, 50)

    def stream(*seeds: int) -> list[list[int]]:
        processor = SeededSampling(Sampling(seeds=seeds))
        steps = [processor(ids[: len(seeds)], logits[: len(seeds)]).argmax(-1) for _ in range(6)]
        return torch.stack(steps, 1).tolist()

    together = stream(11, 12, 11)
    assert together[0] == together[2] == stream(11)[0]
    assert together[1] == stream(12)[0] != together[0]
    assert len(set(together[0])) > 1


def test_a_seed_has_to_be_there_for_each_row() -> None:
    with pytest.raises(ValueError, match="3 rows and 2 seeds"):
        SeededSampling(Sampling(seeds=(1, 2)))(torch.zeros(3, 1, dtype=torch.long), torch.zeros(3, 5))
