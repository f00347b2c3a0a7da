"""The files of a training set's shards that a process has open."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from curation import storage
from curation.dataset import Shard, TrainingSet
from training.errors import DataError
from training.fetch import LocalCopies


class Samples(Protocol):
    """A file with something about every sample of a shard, row by row."""

    @property
    def sample_ids(self) -> Sequence[str]:
        """Whose rows these are."""


File = TypeVar("File", bound=Samples)


class ShardFiles(Generic[File]):
    """Files of one kind by the number of their shard: opened when first asked for, the longest unused closed.

    Args:
        training_set: whose they are.
        shards: the shards that numbers count.
        path: where a shard's file is.
        load: opens a file on this machine, which errors are to call by the name beside it.
        copies: where remote files go.
        most: files that are open at once.
    """

    def __init__(
        self,
        training_set: TrainingSet,
        shards: Sequence[Shard],
        *,
        path: Callable[[Shard], str],
        load: Callable[[Path, str], File],
        copies: LocalCopies,
        most: int,
    ) -> None:
        self._training_set = training_set
        self._shards = shards
        self._path = path
        self._load = load
        self._copies = copies
        self._most = most
        self._open: OrderedDict[int, File] = OrderedDict()

    def __getitem__(self, number: int) -> File:
        """The file of a shard.

        Raises:
            DataError: it is damaged, or its samples are not those of the shard's table.
            OSError: it cannot be read.
        """
        if number not in self._open:
            self._open[number] = self._opened(self._shards[number])
            if len(self._open) > self._most:
                self._open.popitem(last=False)
        self._open.move_to_end(number)
        return self._open[number]

    def _opened(self, shard: Shard) -> File:
        path, table = self._path(shard), self._training_set.table(shard)
        file = self._load(self._copies.local(path), path)
        expected = storage.read_table(table, ["sample_id"])["sample_id"].to_pylist()
        if list(file.sample_ids) != expected:
            missing = len(set(expected) - set(file.sample_ids))
            raise DataError(
                f"{path}: holds {len(file.sample_ids)} samples and {table} lists {len(expected)}, of which "
                f"{missing} are not in it: one of them is of another training set; build the shard and its caches again"
            )
        return file

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the open files, which each process has for itself."""
        return {**self.__dict__, "_open": OrderedDict()}
