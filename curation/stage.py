"""A stage turns one shard into one file; everything else about running it belongs to the pipeline."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curation.dataset import Dataset, Shard


def execution(default: Any) -> Any:
    """A dataclass field that changes how fast a stage runs and never what it writes.

    Such a field may differ between two runs over the same dataset; every other field is a setting, recorded in
    the dataset, and refused when it changes under files that are already there.
    """
    if isinstance(default, list | dict | set):
        return field(default_factory=lambda: type(default)(default), metadata={"execution": True})
    return field(default=default, metadata={"execution": True})


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one worker of a stage takes, and how many workers the stage may have.

    Args:
        cpus: CPU cores a worker; a fraction shares a core.
        gpus: GPUs a worker; a fraction shares a GPU.
        min_workers: workers that the stage starts with.
        max_workers: workers that it may grow to while its input queues up.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    min_workers: int = 1
    max_workers: int = 1

    def __post_init__(self) -> None:
        if self.cpus < 0 or self.gpus < 0:
            raise ValueError(f"cpus={self.cpus}, gpus={self.gpus}: a worker cannot take less than nothing")
        if not 1 <= self.min_workers <= self.max_workers:
            raise ValueError(
                f"min_workers={self.min_workers}, max_workers={self.max_workers}: "
                "expected 1 <= min_workers <= max_workers"
            )


@dataclass(frozen=True, kw_only=True)
class ShardResult:
    """What a stage did with one shard.

    Args:
        rows: rows that came in.
        kept: rows that go on.
        rejects: reason code to rows; `rows == kept + sum(rejects)`, always.
        seconds: time that the work took.
        counts: what else is worth adding up over shards, by name: tokens, retries, ...

    Raises:
        ValueError: rows were lost or made up.
    """

    rows: int
    kept: int
    rejects: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rejected = sum(self.rejects.values())
        if self.rows != self.kept + rejected:
            raise ValueError(
                f"{self.rows} rows came in, {self.kept} were kept and {rejected} rejected: "
                f"{self.rows - self.kept - rejected} unaccounted for"
            )


class ShardStage(ABC):
    """One shard in, one file out.

    A stage is a keyword-only dataclass: its fields are its settings. It is pickled to its workers before `setup`,
    so a constructor stores settings and loads nothing.
    """

    resources: Resources

    @property
    @abstractmethod
    def folder(self) -> str:
        """The folder of the dataset that the stage fills, which is also its name: `scores`, `captions/cogvlm`."""

    @abstractmethod
    def output(self, dataset: Dataset, shard: Shard) -> str:
        """The file whose presence says that `shard` is done; it is the last that `process` writes."""

    def check(self, dataset: Dataset) -> None:  # noqa: B027 (most stages have nothing to check)
        """Look at the inputs once, before any worker starts; raise ValueError for what cannot work."""

    def loads(self) -> Sequence[str]:
        """Weights that the output depends on, files and folders by path; a run notices when others are there."""
        return ()

    def gathering(self) -> "ShardStage | None":
        """The stage that every shard goes through before this one starts on any; None where shards need not wait."""
        return None

    def gather(self, dataset: Dataset, shards: Sequence[Shard]) -> None:  # noqa: B027 (most stages need one shard)
        """Once, in the driver, when `gathering` has done all of `shards`: find out what takes all of them to know.

        What comes of it is in files of the dataset; a second call with the same shards changes none of them.
        """

    def setup(self) -> None:  # noqa: B027 (most stages load nothing)
        """Once a worker, before its first shard: load models."""

    @abstractmethod
    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Read one shard, compute, write its file."""
