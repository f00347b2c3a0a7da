"""Sampling in which every row has its own randomness, for a `generate` that knows one generator for a whole batch."""

import torch
from transformers import LogitsProcessor

from captioning.captioner import Sampling


class SeededSampling(LogitsProcessor):
    """Makes greedy decoding draw: after Gumbel noise, the likeliest token is a sample of the distribution.

    Args:
        sampling: temperature, top_p, and a seed for each row of the batch.
    """

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._generators: list[torch.Generator] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores (B, V) in, scores (B, V) out, of which the largest is the token that is drawn.

        Raises:
            ValueError: there is not one seed for each row.
        """
        if not self._generators:
            self._generators = [torch.Generator(scores.device).manual_seed(seed) for seed in self._sampling.seeds]
        if len(self._generators) != len(scores):
            raise ValueError(f"{len(scores)} rows and {len(self._generators)} seeds: expected a seed for each row")
        logits = _top_p(scores.float() / self._sampling.temperature, self._sampling.top_p)
        uniform = torch.stack([_uniform(generator, logits.shape[1]) for generator in self._generators])  # (B, V)
        return logits - (-uniform.log()).log()


def _top_p(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """`logits` (B, V) without those of tokens that the likelier ones don't need to reach `top_p`."""
    ordered, order = logits.sort(dim=-1, descending=True)
    probabilities = ordered.softmax(-1)
    before = probabilities.cumsum(-1) - probabilities  # (B, V), what the likelier tokens sum to
    return logits.masked_fill((before >= top_p).gather(-1, order.argsort(-1)), -torch.inf)


def _uniform(generator: torch.Generator, size: int) -> torch.Tensor:
    """`size` numbers in (0, 1), neither 0 nor 1, so that their double logarithm is finite."""
    tiny = torch.finfo(torch.float32).tiny
    numbers = torch.rand(size, generator=generator, device=generator.device)
    return numbers.clamp(tiny, 1 - torch.finfo(torch.float32).eps)
