"""What a run consists of, as a YAML file says it: branches of stages, a merge, a training.

world (a miniature one, or none) -> branches (one Ray chain each) -> merge -> repack (a Ray chain) -> train
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from curation import storage
from curation.dataset import Dataset, TrainingSet, is_aside
from curation.manifest import Step, relative_to, settings_of
from curation.revision import folder_revision
from curation.sources import Source
from curation.stage import ShardStage
from pipelines import completion
from pipelines.candidates import Captions, MergeInput
from pipelines.merge import Merge, summary_path
from pipelines.repack import Repack
from pipelines.train import Train

Say = Callable[[str], None]
"""Takes one line that tells a person what happens now."""


class World(ABC):
    """What a run needs around it and a cluster does not: a web to download from, models to load."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether all of it is there."""

    @abstractmethod
    def prepare(self, say: Say) -> None:
        """Make what is not there yet."""

    @abstractmethod
    def serve(self) -> AbstractContextManager[object]:
        """Keep it reachable for the length of the block."""


@dataclass(kw_only=True)
class Branch:
    """One source's way from metadata to captions.

    Args:
        source: writes the branch's first shards.
        stages: run over every shard, in order.
    """

    source: Source
    stages: list[ShardStage]

    def captions(self) -> str | None:
        """The name of the captions that the last captioning stage writes."""
        names = [stage.folder.partition("/")[2] for stage in self.stages if stage.folder.startswith("captions/")]
        return names[-1] if names else None

    def parts(self) -> list[list[ShardStage]]:
        """The stages, in parts that shards stream through: all are done with one before any goes into the next.

        The first stage of every part but the first is one that gathers.
        """
        parts: list[list[ShardStage]] = [[]]
        for stage in self.stages:
            gathering = stage.gathering()
            if gathering:
                parts[-1].append(gathering)
                parts.append([])
            parts[-1].append(stage)
        return parts

    def all_stages(self) -> list[ShardStage]:
        """The stages, with those that gather for others."""
        return [stage for part in self.parts() for stage in part]

    def stages_of_the_set(self) -> list[ShardStage]:
        """The stages that a training set depends on: not a selection that is there to be compared."""
        return [stage for stage in self.stages if not is_aside(stage.folder)]


@dataclass(kw_only=True)
class Pipeline:
    """A run, as a YAML file describes it.

    Args:
        dir: the folder of the run, local or any fsspec URL; `${dir}` in the file stands for it.
        branches: name to branch; each gets the folder `<dir>/<name>`.
        merge: how the branches become one training set; without it the run ends at the branches.
        caches: stages over the merged set that keep what frozen models make of it, for training to read.
        train: the training on the merged set; without it the run ends at the set.
        world: a miniature world to run in; without it the run works on the real one.
        attempts: how often a stage tries a shard before it is given up and listed.
        warn_yield: the share of a branch's links that should give an image; fewer bring a warning.
        min_yield: the share under which the run stops; what is done stays. Both from the second finished shard on.
    """

    dir: str
    branches: dict[str, Branch]
    merge: Merge | None = None
    caches: list[ShardStage] | None = None
    train: Train | None = None
    world: World | None = None
    attempts: int = 3
    warn_yield: float = 0.5
    min_yield: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.min_yield <= self.warn_yield <= 1:
            raise ValueError(
                f"min_yield={self.min_yield}, warn_yield={self.warn_yield}: expected 0 <= min_yield <= warn_yield <= 1"
            )
        if self.attempts < 1:
            raise ValueError(f"attempts={self.attempts}: expected 1 or more")
        if not self.branches:
            raise ValueError("branches is empty: expected at least one, such as laion")
        if self.caches and not self.merge:
            raise ValueError("caches are of a merged set, and there is no merge: add one, or leave the caches out")
        names = [stage.folder for stage in self.caches or []]
        if len(set(names)) < len(names):
            raise ValueError(f"two caches have one name among {', '.join(names)}: give each its own")
        for name, branch in self.branches.items():
            folders = [stage.folder for stage in branch.all_stages()]
            twice = {folder for folder in folders if folders.count(folder) > 1}
            if twice:
                raise ValueError(f"branch {name}: two stages write {', '.join(sorted(twice))}; give one another name")
            if self.merge and not self.merge.captions.get(name, branch.captions()):
                raise ValueError(f"branch {name} makes no captions, so it cannot be merged: add a captioning stage")

    def dataset(self, branch: str) -> Dataset:
        """The folder of a branch."""
        return Dataset(storage.join(self.dir, branch))

    def captions_of(self, branch: str) -> Captions:
        """The name of the captions that the merge takes from a branch, or several names with their weights."""
        chosen = self.merge.captions.get(branch) if self.merge else None
        return chosen or self.branches[branch].captions() or ""

    def steps(self, branch: str) -> list[Step]:
        """The manifest of a branch: its source and stages with their settings and finished files."""
        dataset, chain = self.dataset(branch), self.branches[branch]
        shards = dataset.shards()
        source = {"source": chain.source, "inputs": chain.source.inputs()}
        urls = storage.join(dataset.root, "urls")
        return [
            Step(name="urls", settings=self._settings(source), files=len(shards), redo=urls),
            *(
                Step(
                    name=stage.folder,
                    settings=self._stage_settings(stage),
                    files=len(completion.finished(dataset, stage, shards)),
                    redo=storage.join(dataset.root, stage.folder),
                )
                for stage in chain.all_stages()
            ),
        ]

    def _stage_settings(self, stage: ShardStage) -> Any:
        """The settings of a stage, and which weights it loads: others may come to lie under the same path."""
        revisions = [{"path": path, "revision": folder_revision(path)} for path in stage.loads()]
        weights = [weights for weights in revisions if weights["revision"]]
        settings = self._settings(stage)
        return {**settings, "weights": self._settings(weights)} if weights else settings

    def _settings(self, value: object) -> Any:
        return relative_to(settings_of(value), self.dir.rstrip("/"))

    def merge_inputs(self) -> dict[str, MergeInput]:
        """What every branch can give to the merge now: the shards that all its stages have finished."""
        inputs = {}
        for name, branch in self.branches.items():
            dataset = self.dataset(name)
            shards = dataset.shards()
            pending = set(completion.unfinished(dataset, branch.stages_of_the_set(), shards))
            inputs[name] = MergeInput(
                dataset=dataset,
                captions=self.captions_of(name),
                shards=[shard for shard in shards if shard not in pending],
            )
        return inputs

    def merge_steps(self, merge: Merge) -> list[Step]:
        """The manifest of the training set: it depends on every branch's settings and finished shards."""
        branches = {
            name: {
                "captions": given.captions,
                "shards": len(given.shards),
                **{step.name: step.settings for step in self.steps(name) if not is_aside(step.name)},
            }
            for name, given in self.merge_inputs().items()
        }
        planned = int(storage.exists(summary_path(TrainingSet(merge.output))))
        settings = {
            "samples_per_shard": merge.samples_per_shard,
            "duplicates": self._settings(merge.duplicates),
            "branches": branches,
        }
        return [Step(name="plan", settings=settings, files=planned, redo=merge.output)]

    def repack(self, merge: Merge) -> Repack:
        """The stage that writes training shards."""
        return Repack(
            branches={name: self.dataset(name).root for name in self.branches},
            resources=merge.resources,
        )
