"""A run's folder with two branches and the training set that they were merged into."""

from pathlib import Path

from curation import storage
from curation.dataset import Dataset, TrainingSet
from pipelines.candidates import MergeInput
from pipelines.merge import plan_merge
from pipelines.repack import Repack
from tests.pipelines.shards import write_branch


def merged_run(folder: Path) -> TrainingSet:
    """`laion` and `coyo` of 7 captioned images each, and `training`, which has them all in shards of 8 and 6."""
    branches = {
        name: write_branch(str(folder / name), source=name, shards=1, rows=10, captions="new", first=first)
        for name, first in (("laion", 0), ("coyo", 1000))
    }
    training_set = TrainingSet(str(folder / "training"))
    inputs = {
        name: MergeInput(dataset=dataset, captions="new", shards=dataset.shards()) for name, dataset in branches.items()
    }
    plan_merge(inputs, training_set, samples_per_shard=8)
    storage.write_json(training_set.manifest(), {"contract": 1, "steps": []})
    repack = Repack(branches={name: d.root for name, d in branches.items()})
    for shard in training_set.planned_shards():
        repack.process(Dataset(training_set.root), shard)
    return training_set
