"""A branch as one Ray Data chain over its shards: an actor pool a stage, every shard on its own way down."""

import json
import logging
import os
import socket
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from curation.dataset import Dataset, Shard
from curation.stage import ShardStage
from pipelines import completion
from pipelines.errors import UsageError
from pipelines.worker import Row, StageWorker, new_row

OnShard = Callable[[Shard, list[Row]], None]
"""Takes a shard that came out of a chain, and the results of the stages that worked on it."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A shard that was given up, and why."""

    dataset: str
    shard: Shard
    reason: str


@dataclass
class Tally:
    """What one stage did over a whole chain: rows in and on, the seconds of all its workers, and its own counts."""

    rows: int = 0
    kept: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class ChainResult:
    """The shards that were given up, and what each stage did, by its folder."""

    failures: list[Failure]
    tallies: dict[str, Tally]


@contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """A connection to Ray for the length of the block; one that this process has already is used and left.

    Args:
        address: of a running cluster (`auto`, `host:port`, `ray://...`); None starts Ray on this machine.

    Raises:
        UsageError: nothing answers at the address.
        RuntimeError: this process is connected to another cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # a restart of a worker is no error here
    import ray
    import ray.data

    if ray.is_initialized() and address in (None, ray.get_runtime_context().gcs_address):
        yield
        return
    if address:
        _require_answer(address)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what it would say comes out in the rows
    ray.init(
        address=address or "local",
        include_dashboard=None if address else False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    """Ray itself would wait for minutes for a cluster that is not there, and then abort the process."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return  # `auto` and the like: Ray says at once what it does not find
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise UsageError(
            f"no Ray answers at {address} ({error}): check the address, or start one with `ray start --head`"
        ) from error


def require_resources(stages: Sequence[ShardStage]) -> None:
    """Refuse a chain whose smallest pools do not fit the cluster: Ray would wait for ever.

    Raises:
        UsageError: says what is asked for and what is there.
    """
    import ray

    there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    for name, kind in (("CPU", "cpus"), ("GPU", "gpus")):
        asked = sum(getattr(stage.resources, kind) * stage.resources.min_workers for stage in stages)
        if asked > there.get(name, 0):
            raise UsageError(
                f"the stages {', '.join(stage.folder for stage in stages)} need {asked:g} {name} for their first "
                f"workers and the cluster has {there.get(name, 0):g}: lower resources.{kind} or "
                "resources.min_workers, or add nodes"
            )


def run_chain(
    dataset: Dataset,
    stages: Sequence[ShardStage],
    shards: Sequence[Shard],
    *,
    attempts: int,
    on_shard: OnShard | None = None,
) -> ChainResult:
    """Take `shards` through `stages`, streaming.

    Args:
        dataset: the folder that the stages read and fill.
        stages: in order.
        shards: those with anything left to do.
        attempts: how often a stage tries a shard, and how often a shard may kill its worker's process.
        on_shard: given each shard as it comes out, with the results of the stages that worked on it; what it raises
            ends the chain.
    """
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    require_resources(stages)
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_no_progress_timeout_s = -1  # a shard may take an hour
    context.max_errored_blocks = -1  # a shard that kills its workers must not end the others
    context.autoscaling_config.actor_pool_util_upscaling_threshold = 1.0  # reachable with one shard a worker
    rows: Any = ray.data.from_items([new_row(shard) for shard in shards], override_num_blocks=len(shards))
    for stage in stages:
        pool = ActorPoolStrategy(
            min_size=stage.resources.min_workers,
            max_size=stage.resources.max_workers,
            max_tasks_in_flight_per_actor=1,  # a dying worker takes one shard with it, not a queue of them
        )
        with warnings.catch_warnings():
            # Ray's new names for these two limits come later than the version this project is pinned to.
            warnings.filterwarnings("ignore", message=".*ray_remote_args.*")
            rows = rows.map(
                StageWorker,
                fn_constructor_kwargs={
                    **{"stage": stage, "dataset": dataset, "attempts": attempts},
                    "ahead": _has_work_for_all(stage, dataset, shards),
                },
                compute=pool,
                num_cpus=stage.resources.cpus,
                num_gpus=stage.resources.gpus,
                max_restarts=-1,
                max_task_retries=attempts - 1,
            )
    return _collect(rows.iter_rows(), dataset, shards, attempts, on_shard)


def _has_work_for_all(stage: ShardStage, dataset: Dataset, shards: Sequence[Shard]) -> bool:
    """Whether each worker that the stage starts with will get a shard, so that none loads its models in vain."""
    return len(shards) - len(completion.finished(dataset, stage, shards)) >= stage.resources.min_workers


def _collect(
    rows: Iterable[Row],
    dataset: Dataset,
    shards: Sequence[Shard],
    attempts: int,
    on_shard: OnShard | None,
) -> ChainResult:
    """Add up what came out at the bottom; a shard that did not come out killed its workers."""
    failures, lost, tallies = [], set(shards), dict[str, Tally]()
    for row in rows:
        shard = Shard(index=row["shard"])
        lost.discard(shard)
        if row["failure"]:
            failures.append(Failure(dataset=dataset.root, shard=shard, reason=row["failure"]))
        results = json.loads(row["results"])
        if on_shard:
            on_shard(shard, results)
        for result in results:
            tally = tallies.setdefault(result["stage"], Tally())
            tally.rows += result["rows"]
            tally.kept += result["kept"]
            tally.seconds += result["seconds"]
            tally.counts.update(result["counts"])
    died = f"its worker process died {attempts} times; Ray's logs of this run say more"
    failures += [Failure(dataset=dataset.root, shard=shard, reason=died) for shard in lost]
    return ChainResult(failures=sorted(failures, key=lambda failure: failure.shard), tallies=tallies)
