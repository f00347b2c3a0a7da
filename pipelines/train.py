"""The last step of a run: Lightning trains the connector on the merged set, once."""

from dataclasses import dataclass
from pathlib import Path

import yaml

import pipelines
from curation import storage
from curation.dataset import TrainingSet
from curation.manifest import Step, reconcile, record


@dataclass(kw_only=True)
class Train:
    """A training run as part of a pipeline.

    Args:
        config: YAML for `ella train fit`; a path, or one below the project's own folders.
        dir: what `${dir}` in it stands for.
        training_set: folder of the merged set that it reads.
        output: folder that it writes connector.safetensors to.
    """

    config: str
    dir: str
    training_set: str
    output: str

    @property
    def connector(self) -> str:
        """The file whose presence says that the training is done."""
        return storage.join(self.output, "connector.safetensors")

    def check(self) -> None:
        """Refuse a configuration that is not there, or one that changed under a trained connector.

        Raises:
            ValueError: says which file or field.
        """
        reconcile(self._manifest(), self.output, [self._step()])

    @property
    def done(self) -> bool:
        """Whether the connector is there."""
        return storage.exists(self.connector)

    def run(self) -> None:
        """Train, from the beginning."""
        from training.cli import main

        record(self._manifest(), [self._step()])
        main(["fit", "--config", str(self._config_file()), "--dir", self.dir])

    def _manifest(self) -> str:
        return storage.join(self.output, "training.json")

    def _step(self) -> Step:
        """The connector depends on the configuration and on what was merged."""
        merged = TrainingSet(self.training_set).manifest()
        settings = {
            "config": yaml.safe_load(self._config_file().read_text()),
            "training_set": storage.read_json(merged) if storage.exists(merged) else None,
        }
        return Step(name="connector", settings=settings, files=int(self.done), redo=self.output)

    def _config_file(self) -> Path:
        own = Path(pipelines.__file__).parents[1] / self.config
        for path in (Path(self.config), own):
            if path.is_file():
                return path
        raise ValueError(f"train.config: no file {self.config}, here or in {own.parent}")
