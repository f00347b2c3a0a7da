"""Draws that depend on a name alone: the same on every machine, in every order, in every year."""

import hashlib
import math
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate

_SEED_BITS = 63
"""What every library takes as a seed."""


def seed(name: str) -> int:
    """A number of 63 bits that `name` alone decides."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> (64 - _SEED_BITS)


def choose(weights: Mapping[str, float], name: str) -> str:
    """One of the keys of `weights`, whatever their order, each for its share of all names and always for the same."""
    possible = {key: weights[key] for key in sorted(weights) if weights[key]}
    ends = list(accumulate(possible.values()))
    place = seed(name) / 2**_SEED_BITS * ends[-1]
    return list(possible)[min(bisect_right(ends, place), len(ends) - 1)]  # a seed near the top rounds to the last end


def check_weights(weights: Mapping[str, float], field: str) -> None:
    """Make sure that one of `weights` can be chosen.

    Raises:
        ValueError: there are none, one is negative or not finite, or all are 0; the message names `field`.
    """
    sound = all(weight >= 0 for weight in weights.values()) and 0 < sum(weights.values()) < math.inf
    if not sound:
        raise ValueError(f"{field}: got weights {dict(weights)}; expected some that are 0 or more, and not all 0")
