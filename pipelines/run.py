"""One run of a pipeline: looks at what is on disk, does the rest, and says what is missing.

Everything that is done is a file, and every file is whole, so a second run finds nothing to do and a run that was
killed goes on where it was.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet
from curation.manifest import reconcile, record
from curation.stage import ShardStage
from pipelines import card, completion
from pipelines.chain import Failure, cluster, run_chain
from pipelines.check import check
from pipelines.errors import refusing
from pipelines.lock import exclusive
from pipelines.merge import Merge, plan_merge
from pipelines.pipeline import Pipeline
from pipelines.progress import Display
from pipelines.train import Train


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run did.

    Args:
        shards: shards that were worked on, training shards among them.
        failures: shards that were given up.
        merged: whether the training set is whole (True also when none was asked for).
        trained: whether there was a training run.
    """

    shards: int
    failures: list[Failure]
    merged: bool
    trained: bool

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.merged and not self.failures

    @property
    def idle(self) -> bool:
        """Whether everything was there already."""
        return self.complete and not self.shards and not self.trained


class Run:
    """One run of a pipeline.

    Args:
        pipeline: what to run.
        address: of a Ray cluster; None starts Ray on this machine, and only if there is something to do.
        display: shown what happens.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        address: str | None = None,
        display: Display | None = None,
    ) -> None:
        self.pipeline = pipeline
        self._address = address
        self._display = display or Display()
        self._stack = ExitStack()
        self._connected = False
        self._shards = 0

    def __call__(self) -> Outcome:
        """Do what is not done yet.

        Raises:
            UsageError: something in the configuration or the inputs cannot work; nothing was started.
            ValueError, OSError: a file is damaged, or the storage failed; what was finished stays.
        """
        pipeline = self.pipeline
        with exclusive(pipeline.dir):
            storage.remove_unfinished(pipeline.dir)
            with self._stack:
                self._enter_world()
                check(pipeline)
                failures = [failure for name in pipeline.branches for failure in self._run_branch(name)]
                merged = not pipeline.merge or self._merge(pipeline.merge, failures)
            trained = bool(merged and pipeline.train and self._train(pipeline.train))
        return Outcome(shards=self._shards, failures=failures, merged=merged, trained=trained)

    def _enter_world(self) -> None:
        world = self.pipeline.world
        if world is None:
            return
        with refusing():
            world.prepare(self._display.say)
            self._stack.enter_context(world.serve())

    def _run_branch(self, name: str) -> list[Failure]:
        branch, dataset = self.pipeline.branches[name], self.pipeline.dataset(name)
        record(dataset.manifest(), self.pipeline.steps(name))
        shards = branch.source.plan(dataset)
        return self._run_stages(name, dataset, branch.stages, shards)

    def _run_stages(
        self, name: str, dataset: Dataset, stages: Sequence[ShardStage], shards: Sequence[Shard]
    ) -> list[Failure]:
        pending = completion.unfinished(dataset, stages, shards)
        if not pending:
            self._display.say(f"{name}: all {len(shards)} shards are done")
            return []
        self._display.say(f"{name}: {len(pending)} of {len(shards)} shards to do")
        self._shards += len(pending)
        self._connect()
        with self._display.watch(name, dataset, stages, shards):
            result = run_chain(dataset, stages, pending, attempts=self.pipeline.attempts)
        for folder, tally in result.tallies.items():
            rate = f"{tally.rows / tally.seconds:.1f} rows/s a worker" if tally.seconds else "no time at all"
            self._display.say(f"{name}: {folder}: {tally.rows} rows in, {tally.kept} on, {rate}")
        return result.failures

    def _connect(self) -> None:
        if self._connected:
            return
        self._display.say("starting Ray" if self._address is None else f"connecting to Ray at {self._address}")
        self._stack.enter_context(cluster(self._address))
        self._connected = True

    def _merge(self, merge: Merge, failures: list[Failure]) -> bool:
        """Plan and write the training set; says whether it is whole, and adds to `failures` what it gave up."""
        missing = len(failures)
        if missing > merge.allow_missing:
            self._display.say(
                f"not merged: {missing} shard(s) are missing, and merge.allow_missing is {merge.allow_missing}"
            )
            return False
        output, steps = TrainingSet(merge.output), self.pipeline.merge_steps(merge)
        reconcile(output.manifest(), output.root, steps)
        record(output.manifest(), steps)
        plan_merge(self.pipeline.merge_inputs(), output, merge.samples_per_shard)
        stages = [self.pipeline.repack(merge)]
        lost = self._run_stages("training set", Dataset(output.root), stages, output.planned_shards())
        failures += lost
        if not lost and not storage.exists(output.card()):
            card.write(self.pipeline, merge)
        return not lost

    def _train(self, train: Train) -> bool:
        if train.done:
            return False
        self._display.say(f"training: {train.config}")
        train.run()
        return True
