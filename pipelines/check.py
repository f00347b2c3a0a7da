"""What a run refuses before it starts, and a plan as well: missing inputs, impossible settings, changed settings."""

from curation.dataset import Dataset, TrainingSet
from curation.manifest import reconcile
from pipelines.errors import refusing
from pipelines.pipeline import Pipeline


def check(pipeline: Pipeline) -> None:
    """Look at everything that can be seen to be wrong without doing anything.

    Raises:
        UsageError: the first thing found, with what to do about it.
    """
    with refusing():
        _check(pipeline)


def _check(pipeline: Pipeline) -> None:
    for name, branch in pipeline.branches.items():
        dataset = pipeline.dataset(name)
        branch.source.check()
        for stage in branch.stages:
            stage.check(dataset)
        reconcile(dataset.manifest(), dataset.root, pipeline.steps(name))
    if pipeline.merge:
        training_set = TrainingSet(pipeline.merge.output)
        reconcile(training_set.manifest(), training_set.root, pipeline.merge_steps(pipeline.merge))
        for stage in pipeline.caches or []:
            stage.check(Dataset(training_set.root))
    if pipeline.train:
        pipeline.train.check()
