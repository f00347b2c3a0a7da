"""Scores as sums over prompts: pooled means with intervals, and differences of two runs on the same prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluation.bootstrap import Floats, intervals, paired_intervals, ratios

Part = tuple[float, float]
"""What one prompt adds to a score, and how much of it there is: the score is the sum of the first over the second."""


@dataclass(frozen=True, kw_only=True)
class PromptScore:
    """What one prompt adds to every score of a benchmark.

    Args:
        prompt_id: tells it from the benchmark's other prompts.
        parts: by the score's name; a score that the prompt says nothing about is left out.
    """

    prompt_id: str
    parts: Mapping[str, Part]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


def estimates(prompts: Sequence[PromptScore], *, seed: int = 0) -> dict[str, Estimate]:
    """Every score by name, with its interval over resampled prompts, whatever the order of `prompts`."""
    if not prompts:
        return {}
    names = _names(prompts)
    sums, counts = _table(_by_id(prompts), names)
    return _estimates(names, ratios(sums, counts), intervals(sums, counts, seed=seed))


def values(prompts: Sequence[PromptScore]) -> dict[str, float]:
    """Every score by name, without an interval."""
    if not prompts:
        return {}
    names = _names(prompts)
    return dict(zip(names, ratios(*_table(_by_id(prompts), names)).tolist(), strict=True))


def differences(
    first: Sequence[PromptScore], second: Sequence[PromptScore], *, seed: int = 0
) -> tuple[dict[str, Estimate], int]:
    """How much more `second` scores than `first`, over the prompts that both have, and how many those are."""
    a, b = _by_id(first), _by_id(second)
    shared = sorted(a.keys() & b.keys())
    if not shared:
        return {}, 0
    kept_a, kept_b = {name: a[name] for name in shared}, {name: b[name] for name in shared}
    names = sorted(set(_names(list(kept_a.values()))) & set(_names(list(kept_b.values()))))
    tables = _table(kept_a, names), _table(kept_b, names)
    values = ratios(*tables[1]) - ratios(*tables[0])
    return _estimates(names, values, paired_intervals(*tables, seed=seed)), len(shared)


def _by_id(prompts: Sequence[PromptScore]) -> dict[str, PromptScore]:
    return {prompt.prompt_id: prompt for prompt in sorted(prompts, key=lambda prompt: prompt.prompt_id)}


def _names(prompts: Sequence[PromptScore]) -> list[str]:
    return sorted({name for prompt in prompts for name in prompt.parts})


def _table(prompts: Mapping[str, PromptScore], names: Sequence[str]) -> tuple[Floats, Floats]:
    """Sums and counts, (N, C) each."""
    parts = np.array([[prompt.parts.get(name, (0.0, 0.0)) for name in names] for prompt in prompts.values()])
    return parts[..., 0], parts[..., 1]


def _estimates(names: Sequence[str], values: Floats, bounds: Floats) -> dict[str, Estimate]:
    return {
        name: Estimate(value=float(value), low=float(low), high=float(high))
        for name, value, (low, high) in zip(names, values, bounds, strict=True)
    }
