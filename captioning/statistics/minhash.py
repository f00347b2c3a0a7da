"""Captions that are nearly alike have nearly the same hashes: min-wise hashing of runs of three words.

Broder, "On the resemblance and containment of documents" (1997): of all runs of words in two texts, the one with the
smallest hash is in both with a probability that is the share of the runs they have in common. Of the signature only
the lowest byte of each of its hashes is kept (b-bit minwise hashing: Li and König, 2010).
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from captioning.statistics.distinct import hash64

RUN = 3
"""Words in a run."""
HASHES = 24
"""Bytes of a signature."""
SIMILAR = 0.7
"""From this share of common runs on, two texts are near duplicates."""

Hashes = npt.NDArray[np.uint64]

_AGREEING = int(np.ceil(HASHES * (SIMILAR + (1 - SIMILAR) / 256)))
"""Bytes that agree in near duplicates; of two others, one in 256 agrees by chance."""


def runs_of(texts: Sequence[Sequence[str]]) -> list[Hashes]:
    """For each text, given as its words, (S,) a hash of every run of three; a shorter text is one run."""
    lengths = [max(len(words), RUN) for words in texts]
    starts = [0, *accumulate(lengths)]
    hashes = np.zeros(starts[-1] + RUN - 1, np.uint64)  # one after another, for the batch takes no longer than a text
    for start, words in zip(starts, texts, strict=False):
        hashes[start : start + len(words)] = list(map(hash64, words))
    found = np.zeros(starts[-1], np.uint64)
    for place in range(RUN):
        found = _mix(found ^ hashes[place : place + starts[-1]])
    return [found[start : start + length - RUN + 1] for start, length in zip(starts, lengths, strict=False)]


def groups_of(runs: Sequence[Hashes]) -> list[int]:
    """For each text 64 bits, which two texts share as often as runs: the smallest hash, mixed to be of any size."""
    groups: list[int] = _mix(np.array([of_text.min() for of_text in runs], np.uint64)).tolist()
    return groups


def signature_of(runs: Hashes) -> bytes:
    """`HASHES` bytes, of which two texts have about the same share in common as of their runs."""
    smallest = _mix(runs[:, None] ^ _SEEDS).min(axis=0)  # (S, H) -> (H,)
    return bytes(smallest.astype(np.uint8))


def count_clusters(signatures: Sequence[bytes]) -> int:
    """How many texts are left if of near duplicates, and of what is near to these, one is kept."""
    table = np.frombuffer(b"".join(signatures), np.uint8).reshape(len(signatures), HASHES)
    unseen = np.ones(len(table), dtype=bool)
    clusters = 0
    for start in range(len(table)):
        if not unseen[start]:
            continue
        clusters += 1
        unseen[start] = False
        reached = [start]
        while reached:
            near = unseen & ((table == table[reached.pop()]).sum(axis=1) >= _AGREEING)  # (N,)
            unseen &= ~near
            reached += np.flatnonzero(near).tolist()
    return clusters


def _mix(values: Any) -> Hashes:
    """The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): a bijection that spreads every bit over all."""
    mixed: Hashes = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


_SEEDS = _mix(np.arange(1, HASHES + 1, dtype=np.uint64))
