"""What a run would do, read from the configuration and from what is on disk, with nothing started."""

from collections.abc import Sequence
from dataclasses import dataclass

from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet
from curation.stage import Resources, ShardStage
from pipelines import completion
from pipelines.check import check
from pipelines.merge import merge_summary
from pipelines.pipeline import Pipeline
from training.cache import CacheLatents, CacheText
from training.cache.cost import describe


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """What is left of one stage.

    Args:
        branch: the branch, or `training set`.
        name: the folder that the stage fills.
        done: finished shards.
        pending: shards to do; None while the step before it has not said how many there will be.
        resources: of its workers.
        bytes: size of what it has written so far.
    """

    branch: str
    name: str
    done: int
    pending: int | None
    resources: Resources
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Every stage in order, and what else a person should know before the run."""

    stages: list[StagePlan]
    notes: list[str]


def make_plan(pipeline: Pipeline) -> Plan:
    """Look at every branch, the merge and the training.

    Raises:
        UsageError: the run would refuse to start, for the same reason.
    """
    stages, notes = [], list[str]()
    if pipeline.world is None or pipeline.world.is_ready():
        check(pipeline)
    else:
        notes.append("world: the run makes a miniature world first, and serves it; inputs are checked after that")
    for name, branch in pipeline.branches.items():
        dataset = pipeline.dataset(name)
        shards = dataset.shards()
        if not shards:
            notes.append(f"{name}: its source has not been partitioned into shards yet; the run does that first")
        stages += [_stage_plan(name, dataset, stage, shards) for stage in branch.all_stages()]
    if pipeline.merge:
        training_set = Dataset(pipeline.merge.output)
        shards = TrainingSet(training_set.root).planned_shards()
        stages.append(_stage_plan("training set", training_set, pipeline.repack(pipeline.merge), shards))
        pairs = sum(merge_summary(TrainingSet(training_set.root))["pairs"].values())
        for cache in pipeline.caches or []:
            stages.append(_stage_plan("training set", training_set, cache, shards))
            if isinstance(cache, CacheLatents | CacheText):
                notes.append(f"{cache.folder}: {describe(cache.cost(), pairs)}")
    if pipeline.train:
        state = "is there" if pipeline.train.done else "would be trained"
        notes.append(f"connector: {pipeline.train.connector} {state} ({pipeline.train.config})")
    return Plan(stages=stages, notes=notes)


def _stage_plan(branch: str, dataset: Dataset, stage: ShardStage, shards: Sequence[Shard]) -> StagePlan:
    done = completion.finished(dataset, stage, shards)
    written = storage.sizes(stage.output(dataset, Shard(index=0)).rpartition("/")[0])
    stems = {shard.name for shard in done}
    return StagePlan(
        branch=branch,
        name=stage.folder,
        done=len(done),
        pending=len(shards) - len(done) if shards else None,
        resources=stage.resources,
        bytes=sum(size for name, size in written.items() if name.partition(".")[0] in stems),
    )
