"""Draws tokens so that what a row gets depends on its own seed and step, whatever else is in the batch."""

from torch import Tensor

# SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014), as signed numbers.
_STEP = 0x9E3779B97F4A7C15 - 2**64
_MIX_1 = 0xBF58476D1CE4E5B9 - 2**64
_MIX_2 = 0x94D049BB133111EB - 2**64


def signed(seed: int) -> int:
    """The 64-bit number with the last 64 bits of `seed`."""
    return (seed + 2**63) % 2**64 - 2**63


def uniform(seeds: Tensor, steps: Tensor) -> Tensor:
    """One number in [0, 1) for each seed and step, both (B,) of 64 bits; the same ones always give the same."""
    mixed = seeds + _STEP * (steps + 1)  # as all that follows, modulo 2^64
    mixed = (mixed ^ _shift(mixed, 30)) * _MIX_1
    mixed = (mixed ^ _shift(mixed, 27)) * _MIX_2
    mixed = mixed ^ _shift(mixed, 31)
    return _shift(mixed, 40).float() / 2**24  # the 24 bits that a float32 holds exactly


def draw(logits: Tensor, chance: Tensor, *, temperature: float, top_p: float) -> Tensor:
    """Tokens (B,) drawn from the likeliest ones that together reach `top_p` (Holtzman et al., 2020).

    Args:
        logits: (B, vocabulary).
        chance: (B,) in [0, 1): which token it is, by the cumulative probabilities.
        temperature: what logits are divided by.
        top_p: in (0, 1].
    """
    ranked, tokens = (logits.float() / temperature).sort(dim=-1, descending=True, stable=True)
    probabilities = ranked.softmax(-1)
    before = probabilities.cumsum(-1) - probabilities  # what the likelier tokens have
    kept = probabilities * (before < top_p)  # the likeliest token always is
    reached = kept.cumsum(-1)
    rank = (reached <= chance[:, None] * reached[:, -1:]).sum(-1, keepdim=True)
    last = (before < top_p).sum(-1, keepdim=True) - 1
    return tokens.gather(-1, rank.minimum(last)).squeeze(-1)


def _shift(x: Tensor, bits: int) -> Tensor:
    """Shift right and fill up with zeros, where `>>` would copy the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)
