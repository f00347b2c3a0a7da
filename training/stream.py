"""Batches in the order of their positions, whichever worker reads them."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from training.batch import Batch
from training.pairs import PairReader


@dataclass(frozen=True, kw_only=True)
class BatchStream(IterableDataset[Batch]):
    """One rank's batches from a position on.

    All ranks together take consecutive positions, each its slice. A loader asks its workers in turn, so worker w of n
    reads batches w, w + n, w + 2 n, ... whole, and the loader gives out 0, 1, 2, ...

    Args:
        reader: reads a batch.
        first: position of the first sample of all ranks' first batches.
        batch_size: pairs a batch.
        rank: this process's rank.
        world_size: processes that train together.
        end: the position to end before, with a smaller last batch if need be; None: the stream has no end.
    """

    reader: PairReader
    first: int
    batch_size: int
    rank: int = 0
    world_size: int = 1
    end: int | None = None

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        for number in itertools.count(worker, workers):
            start = self.first + (number * self.world_size + self.rank) * self.batch_size
            stop = start + self.batch_size if self.end is None else min(start + self.batch_size, self.end)
            if stop <= start:
                return
            yield self.reader.read(np.arange(start, stop))
