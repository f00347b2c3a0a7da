"""Which sample stands at which position of a training: a function of the seed and the position, by random access.

Positions count the samples of a whole training from 0. With n samples in the set, epoch e is the positions from
e * n to (e + 1) * n, and holds every sample once. Shards are permuted anew every epoch, and samples within windows of
several shards of that order, so that whoever reads neighbouring positions needs few shards at a time.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from training.errors import SettingsError

Integers = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True)
class SampleOrder:
    """The order of the samples of a training set.

    In memory are some numbers a shard and the permutation of one window, however many samples there are.

    Args:
        counts: samples in each shard.
        seed: of every permutation.
        window: shards whose samples are mixed with one another.

    Raises:
        SettingsError: there is no sample, or no shard in a window.
    """

    counts: tuple[int, ...]
    seed: int
    window: int

    def __post_init__(self) -> None:
        if self.window < 1:
            raise SettingsError(f"shuffle_shards={self.window}: expected 1 or more")
        if not sum(self.counts):
            raise SettingsError(f"{len(self.counts)} shards without a sample: expected one sample or more")

    @property
    def samples(self) -> int:
        """Samples in the set, which are those of an epoch."""
        return sum(self.counts)

    def locate(self, positions: Integers) -> tuple[Integers, Integers]:
        """Where the samples at `positions` (B,) are: the numbers of their shards and of their rows there, (B,) each."""
        shards, rows = np.empty_like(positions), np.empty_like(positions)
        epochs, places = np.divmod(positions, self.samples)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            shards[here], rows[here] = self._locate(int(epoch), places[here])
        return shards, rows

    def _locate(self, epoch: int, places: Integers) -> tuple[Integers, Integers]:
        """Shards and rows of the samples at `places` of one epoch, which are numbered from 0."""
        order = _permutation(len(self.counts), _key(self.seed, epoch, "shards"))
        ends = np.cumsum(np.array(self.counts)[order])  # where each shard's samples would end if none were mixed
        last = np.minimum(np.arange(self.window - 1, len(order) + self.window - 1, self.window), len(order) - 1)
        windows = np.searchsorted(ends[last], places, side="right")
        unmixed = np.empty_like(places)
        for window in np.unique(windows):
            here = windows == window
            start = int(ends[last[window - 1]]) if window else 0
            size = int(ends[last[window]]) - start
            mixed = _permutation(size, _key(self.seed, epoch, f"window {window}"))
            unmixed[here] = start + mixed[places[here] - start]
        turns = np.searchsorted(ends, unmixed, side="right")
        starts = np.concatenate([[0], ends[:-1]])
        return order[turns], unmixed - starts[turns]


def draws(seed: int, positions: Integers, name: str) -> NDArray[np.float64]:
    """Numbers in [0, 1), (B,): each a function of seed, name and its position."""
    words = _mix(_words(positions) + np.uint64(_key(seed, 0, name)))
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _key(seed: int, epoch: int, name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}/{epoch}/{name}".encode(), digest_size=8).digest(), "big")


@lru_cache(maxsize=8)
def _permutation(size: int, key: int) -> Integers:
    """The numbers below `size` in an order that `key` decides: distinct hashes, the same in every NumPy."""
    order = np.argsort(_mix(_words(np.arange(size)) + np.uint64(key)))
    order.flags.writeable = False
    return order


def _words(numbers: Integers) -> NDArray[np.uint64]:
    return numbers.astype(np.uint64) * _GOLDEN


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A bijection of 64-bit words whose outputs look random: the finalizer of SplitMix64 (Steele et al. 2014)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = words ^ (words >> np.uint64(31))
    return mixed
