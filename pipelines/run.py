"""One run of a pipeline: looks at what is on disk, does the rest, and says what is missing.

Everything that is done is a file, and every file is whole, so a second run finds nothing to do and a run that was
killed goes on where it was.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from captioning.report.page import render
from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet
from curation.manifest import reconcile, record
from curation.stage import ShardStage
from pipelines import card, completion
from pipelines.chain import Failure, cluster, run_chain
from pipelines.check import check
from pipelines.errors import UsageError, refusing
from pipelines.lock import exclusive
from pipelines.merge import Merge, plan_merge, summary_path
from pipelines.pipeline import Pipeline
from pipelines.progress import Display
from pipelines.repair import repair_shards, transient_rows, write_repair
from pipelines.report.collect import collect
from pipelines.train import Train
from pipelines.yields import YieldWatch


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
        repair: whether links whose failure may have been of the moment are tried once more first.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        address: str | None = None,
        display: Display | None = None,
        repair: bool = False,
    ) -> None:
        self.pipeline = pipeline
        self._repair = repair
        self._address = address
        self._display = display or Display()
        self._stack = ExitStack()
        self._connected = False
        self._worked_on: set[tuple[str, Shard]] = set()

    def __call__(self) -> Outcome:
        """Do what is not done yet.

        Raises:
            UsageError: something in the configuration or the inputs cannot work; nothing was started.
            LowYieldError: too few links give an image.
            ValueError, OSError: a file is damaged, or the storage failed; what was finished stays.
        """
        pipeline = self.pipeline
        with exclusive(pipeline.dir):
            storage.remove_unfinished(pipeline.dir)
            with self._stack:
                self._enter_world()
                check(pipeline)
                if self._repair:
                    self._write_repairs()
                failures = [failure for name in pipeline.branches for failure in self._run_branch(name)]
                merged = not pipeline.merge or self._merge(pipeline.merge, failures)
            trained = bool(merged and pipeline.train and self._train(pipeline.train))
        return Outcome(shards=len(self._worked_on), failures=failures, merged=merged, trained=trained)

    def _enter_world(self) -> None:
        world = self.pipeline.world
        if world is None:
            return
        with refusing():
            world.prepare(self._display.say)
            self._stack.enter_context(world.serve())

    def _write_repairs(self) -> None:
        """Add shards of links to try again to every branch.

        Raises:
            UsageError: there are some, and the training set was merged without them.
        """
        merge = self.pipeline.merge
        merged = bool(merge and storage.exists(summary_path(TrainingSet(merge.output))))
        for name in self.pipeline.branches:
            dataset = self.pipeline.dataset(name)
            if merge and merged and any(True for _ in transient_rows(dataset)):
                raise UsageError(
                    f"{name} has links to try again, and {merge.output} was merged without them: "
                    f"delete {merge.output} to repair and merge anew, or run without --repair"
                )
            repair = write_repair(dataset)
            again = f"{repair.rows} in {len(repair.shards)} further shard(s)" if repair.rows else "none"
            self._display.say(f"{name}: links to try again: {again}")

    def _run_branch(self, name: str) -> list[Failure]:
        branch, dataset = self.pipeline.branches[name], self.pipeline.dataset(name)
        record(dataset.manifest(), self.pipeline.steps(name))
        shards = branch.source.plan(dataset)
        if not completion.unfinished(dataset, branch.all_stages(), shards):
            self._display.say(f"{name}: all {len(shards)} shards are done")
            return []
        first, *others = branch.parts()
        failures = self._run_stages(name, dataset, first, shards)
        for part in others:
            allowed = self.pipeline.merge.allow_missing if self.pipeline.merge else 0
            if len(failures) > allowed:
                self._display.say(
                    f"{name}: {part[0].folder} waits for all shards: {len(failures)} are missing, and "
                    f"merge.allow_missing is {allowed}"
                )
                break
            missing = {failure.shard for failure in failures}
            shards = [shard for shard in shards if shard not in missing]
            part[0].gather(dataset, shards)
            failures += self._run_stages(name, dataset, part, shards)
        return failures

    def _run_stages(
        self, name: str, dataset: Dataset, stages: Sequence[ShardStage], shards: Sequence[Shard]
    ) -> list[Failure]:
        pending = completion.unfinished(dataset, stages, shards)
        if not pending:
            return []
        self._display.say(f"{name}: {len(pending)} of {len(shards)} shards to do")
        self._worked_on.update((name, shard) for shard in pending)
        self._connect()
        links = YieldWatch(
            name,
            warn=self.pipeline.warn_yield,
            floor=self.pipeline.min_yield,
            say=self._display.say,
            ignore=repair_shards(dataset),
        )
        with self._display.watch(name, dataset, stages, shards):
            result = run_chain(dataset, stages, pending, attempts=self.pipeline.attempts, on_shard=links.add)
        links.judge()
        for folder, tally in result.tallies.items():
            rate = f"{tally.rows / tally.seconds:.1f} rows/s a worker" if tally.seconds else "no time at all"
            counts = "".join(f", {count} {what}" for what, count in sorted(tally.counts.items()))
            self._display.say(f"{name}: {folder}: {tally.rows} rows in, {tally.kept} on, {rate}{counts}")
        return result.failures

    def _connect(self) -> None:
        if self._connected:
            return
        self._display.say("starting Ray" if self._address is None else f"connecting to Ray at {self._address}")
        self._stack.enter_context(cluster(self._address))
        self._connected = True

    def _merge(self, merge: Merge, failures: list[Failure]) -> bool:
        """Write the training set and its caches; says whether all is there, and adds to `failures` what it gave up."""
        missing = len(failures)
        if missing > merge.allow_missing:
            self._display.say(
                f"not merged: {missing} shard(s) are missing, and merge.allow_missing is {merge.allow_missing}"
            )
            return False
        output, steps = TrainingSet(merge.output), self.pipeline.merge_steps(merge)
        reconcile(output.manifest(), output.root, steps)
        record(output.manifest(), steps)
        plan_merge(self.pipeline.merge_inputs(), output, merge.samples_per_shard, merge.duplicates)
        stages = [self.pipeline.repack(merge)]
        lost = self._run_stages("training set", Dataset(output.root), stages, output.planned_shards())
        if not lost and not storage.exists(output.card()):
            card.write(self.pipeline, merge)
        if not lost and not storage.exists(output.report()):
            self._report(output)
        for stage in [] if lost else self.pipeline.caches or []:  # one after another: each wants the GPUs to itself
            lost += self._run_stages(stage.folder, Dataset(output.root), [stage], output.shards())
        failures += lost
        return not lost

    def _report(self, output: TrainingSet) -> None:
        """Write the page on the run's captions; without one the training set is as whole as with it."""
        try:
            report = collect([self.pipeline.dir], quick=True)
            # Named after the set, whose bytes are to be the same wherever the run's folder is.
            title = output.root.rstrip("/").rpartition("/")[2]
            storage.write_text(output.report(), render(replace(report, title=title)))
        except (ValueError, OSError) as error:
            self._display.say(f"no report: {error}; `ella report {self.pipeline.dir}` tries again")

    def _train(self, train: Train) -> bool:
        if train.done:
            return False
        self._display.say(f"training: {train.config}")
        train.run()
        return True
