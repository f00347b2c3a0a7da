"""Which shards a stage has finished: read from the files that are there, and from nothing else."""

from collections.abc import Sequence

from curation import storage
from curation.dataset import Dataset, Shard
from curation.stage import ShardStage


def finished(dataset: Dataset, stage: ShardStage, shards: Sequence[Shard]) -> list[Shard]:
    """The shards whose output stands, found with one listing of the stage's folder."""
    if not shards:
        return []
    folder = stage.output(dataset, shards[0]).rpartition("/")[0]
    there = set(storage.names(folder))
    return [shard for shard in shards if stage.output(dataset, shard).rpartition("/")[2] in there]


def unfinished(dataset: Dataset, stages: Sequence[ShardStage], shards: Sequence[Shard]) -> list[Shard]:
    """The shards that at least one of `stages` has still to do."""
    done = [set(finished(dataset, stage, shards)) for stage in stages]
    return [shard for shard in shards if not all(shard in stage_done for stage_done in done)]
