"""A source writes the first shards of a branch: which samples there are, and where each one is to be found."""

import hashlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import fsspec

from curation import storage
from curation.dataset import Dataset, Shard

logger = logging.getLogger(__name__)

_CHUNK = 1 << 24


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """One file that a source reads, told apart from a later version of itself.

    Args:
        path: where it is.
        size: bytes.
        sha256: of the part that changes with the content: see the source's `inputs`.
    """

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What came of planning, written to `urls/plan.json` once every shard is there.

    Args:
        rows: rows read.
        kept: rows that are in a shard.
        rejects: reason code to rows; `rows == kept + sum(rejects)`, always.
        shards: how many shards there are.

    Raises:
        ValueError: rows were lost or made up.
    """

    rows: int
    kept: int
    rejects: Mapping[str, int]
    shards: int

    def __post_init__(self) -> None:
        if self.rows != self.kept + sum(self.rejects.values()):
            raise ValueError(f"{self.rows} rows were read, {self.kept} kept, rejected {dict(self.rejects)}: rows lost")


class Source(ABC):
    """The head of a branch. A source is a keyword-only dataclass: its fields are its settings."""

    @abstractmethod
    def inputs(self) -> list[InputFile]:
        """Every file that the shards are made of, in the order it is read, to notice and name one that changed."""

    @abstractmethod
    def check(self) -> None:
        """Look at the inputs before anything runs.

        Raises:
            ValueError: a file or column that is needed is not there, or a file is not whole; the message names it.
        """

    @abstractmethod
    def write_shards(self, dataset: Dataset) -> Plan:
        """Write `dataset.urls(shard)` of every shard: the same inputs and settings give the same bytes."""

    def plan(self, dataset: Dataset) -> list[Shard]:
        """The shards of the branch, written first where that is not done yet.

        A run that was cut short is begun again; `urls/plan.json`, written last, says that there is nothing to do.
        """
        done = plan_path(dataset)
        if not storage.exists(done):
            self.check()
            _remove_shards(dataset)
            plan = self.write_shards(dataset)
            storage.write_json(done, asdict(plan))
            logger.info("%s: %d of %d rows in %d shards", dataset.root, plan.kept, plan.rows, plan.shards)
        return dataset.shards()


def plan_path(dataset: Dataset) -> str:
    """Where a dataset's `Plan` is."""
    return storage.join(dataset.root, "urls", "plan.json")


def read_plan(dataset: Dataset) -> Plan | None:
    """The plan of `dataset`, or None while there is none."""
    path = plan_path(dataset)
    return Plan(**storage.read_json(path)) if storage.exists(path) else None


def describe_file(path: str) -> InputFile:
    """`path` with the SHA-256 of its whole content."""
    digest = hashlib.sha256()
    with storage.open_read(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return InputFile(path=path, size=storage.size(path), sha256=digest.hexdigest())


def describe_end(path: str, length: int) -> InputFile:
    """`path` with the SHA-256 of its last `length` bytes, for formats that end in a summary of what came before."""
    size = storage.size(path)
    with storage.open_read(path) as file:
        file.seek(max(0, size - length))
        return InputFile(path=path, size=size, sha256=hashlib.sha256(file.read()).hexdigest())


def _remove_shards(dataset: Dataset) -> None:
    """Remove what a run that was cut short has left, so that no shard of another layout stays among the new ones."""
    for shard in dataset.shards():
        fs, name = fsspec.core.url_to_fs(dataset.urls(shard))
        fs.rm(name)
