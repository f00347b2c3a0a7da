"""The quickstart's configuration over a world that is there, run by the real command in a process of its own."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pipelines
from pipelines.miniature import Miniature

SHIPPED = Path(pipelines.__file__).parent / "configs" / "quickstart.yaml"


@dataclass(frozen=True, kw_only=True)
class WholeRun:
    """A run's configuration and folder."""

    config: Path
    folder: Path

    @classmethod
    def configure(cls, miniature: Miniature, folder: Path, *, train: bool = True, serve: bool = True) -> "WholeRun":
        """The shipped configuration with the world and the models of `miniature`, and smaller shards.

        Args:
            miniature: the world, prepared.
            folder: of the run.
            train: whether a connector is trained at the end.
            serve: whether the run serves the world's pictures itself; somebody has to.
        """
        text = SHIPPED.read_text()
        for old, new in {
            "    dir: ${dir}\n\nbranches": (
                f"    dir: {miniature.dir}\n    scenes: {miniature.scenes}\n    seed: {miniature.seed}\n\nbranches"
            ),
            "${dir}/world": str(miniature.world),
            "${dir}/models": str(miniature.models),
            "rows_per_shard: 50": "rows_per_shard: 8",
            "samples_per_shard: 64": "samples_per_shard: 5",
        }.items():
            assert old in text
            text = text.replace(old, new)
        # The training's own configuration looks for its models in the folder of the run.
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "models").symlink_to(miniature.models)
        if not train:
            text = text.partition("\ntrain:")[0]
        if not serve:
            before, _, rest = text.partition("\nworld:")
            text = "\nbranches:".join([before, rest.partition("\nbranches:")[2]])
        config = folder / "run.yaml"
        config.write_text(text)
        return cls(config=config, folder=folder)

    def start(self) -> subprocess.Popen[str]:
        """The command, running."""
        command = [sys.executable, "-m", "pipelines.cli", "run", str(self.config), "--dir", str(self.folder)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, code: int = 0) -> str:
        """Run the command to its end; what it printed."""
        process = self.start()
        printed, _ = process.communicate(timeout=600)
        assert process.returncode == code, printed
        return printed

    def files(self) -> dict[str, bytes]:
        """Every finished file of the branches and the training set."""
        folders = [self.folder / name for name in ("laion", "coyo", "journeydb", "training")]
        files = (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}
