"""Intervals by resampling prompts: how far a score, or the difference of two runs, would move with other prompts."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 10_000
LEVEL = 0.95
_AT_ONCE = 500
"""Resamples whose weights are in memory together."""


def ratios(sums: Floats, counts: Floats) -> Floats:
    """Pooled means (C,): what N prompts add to C scores, `sums` (N, C), over how much of it there is, `counts` (N, C).

    A score that no prompt counts for is NaN.
    """
    pooled: Floats = _ratios(np.ones((1, len(sums))), sums, counts)[0]
    return pooled


def intervals(sums: Floats, counts: Floats, *, seed: int = 0) -> Floats:
    """95 % percentile intervals (C, 2) of `ratios`, over resampled prompts; the same seed, the same interval."""
    draws = [_ratios(weights, sums, counts) for weights in _resamples(len(sums), seed)]
    return _percentiles(draws)


def paired_intervals(first: tuple[Floats, Floats], second: tuple[Floats, Floats], *, seed: int = 0) -> Floats:
    """95 % percentile intervals (C, 2) of the ratios of `second` less those of `first`.

    Row i of both is the same prompt, and both are resampled together: what makes a prompt hard for both cancels out.

    Raises:
        ValueError: the two have not the same prompts or scores.
    """
    if first[0].shape != second[0].shape:
        raise ValueError(f"sums of shapes {first[0].shape} and {second[0].shape}: expected the same prompts in both")
    draws = [_ratios(weights, *second) - _ratios(weights, *first) for weights in _resamples(len(first[0]), seed)]
    return _percentiles(draws)


def _resamples(prompts: int, seed: int) -> Iterator[Floats]:
    """How often each prompt was drawn, (up to _AT_ONCE, N), RESAMPLES of them in all."""
    generator = np.random.default_rng(seed)
    for start in range(0, RESAMPLES, _AT_ONCE):
        size = min(_AT_ONCE, RESAMPLES - start)
        yield generator.multinomial(prompts, np.full(prompts, 1 / prompts), size=size).astype(np.float64)


def _ratios(weights: Floats, sums: Floats, counts: Floats) -> Floats:
    """(R, C) for weights (R, N)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights @ sums) / (weights @ counts))


def _percentiles(draws: list[Floats]) -> Floats:
    tail = 100 * (1 - LEVEL) / 2
    values = np.concatenate(draws)  # (RESAMPLES, C)
    known = ~np.isnan(values).all(0)
    result = np.full((values.shape[1], 2), np.nan)
    if known.any():
        result[known] = np.nanpercentile(values[:, known], [tail, 100 - tail], axis=0).T
    return result
