"""A small world in which the whole pipeline runs: pictures, the web they are on, metadata about them, and models."""

import json
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.pipeline import Say, World

logger = logging.getLogger(__name__)

FEWEST_SCENES = 20

_WORLD_RECORD = "world.json"
_MODELS_RECORD = "models.json"

Settings = Mapping[str, Any]


@dataclass(kw_only=True)
class Miniature(World):
    """A world of drawn scenes, the same one for the same settings: `prepare()` it, then run inside `serve()`.

    Below `dir` there are `world/` (`images/`, `laion/*.parquet`, `coyo/*.parquet`, `journeydb/`, `scenes.jsonl` with
    what is true of each picture, `world.json`) and `models/` (see `models.json` in it).

    Args:
        dir: folder of the world; one process at a time may prepare it.
        scenes: how many there are: two in five are LAION's, two in five COYO's, the rest JourneyDB's.
        seed: of everything that is left to chance.
        port: on loopback, where the pictures are served and which their links name; by default a free one is chosen
            when the world is made.
    """

    dir: str
    scenes: int = 300
    seed: int = 0
    port: int | None = None

    @property
    def world(self) -> Path:
        """The folder with the pictures and the metadata."""
        return Path(self.dir) / "world"

    @property
    def models(self) -> Path:
        """The folder with the models."""
        return Path(self.dir) / "models"

    def is_ready(self) -> bool:
        """Whether the world and its models are there."""
        return (self.world / _WORLD_RECORD).is_file() and (self.models / _MODELS_RECORD).is_file()

    def prepare(self, say: Say = logger.info) -> None:
        """Make what is not there yet; a world that is there stays as it is.

        Args:
            say: takes a line about each thing that is being made.

        Raises:
            ValueError: a setting is out of range, or is not the one that the world was made with.
        """
        if self.scenes < FEWEST_SCENES:
            raise ValueError(f"scenes is {self.scenes}: expected at least {FEWEST_SCENES}")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}: expected 0 or more")
        settings = {"scenes": self.scenes, "seed": self.seed, "port": self.port}
        _make(self.world, _WORLD_RECORD, settings, partial(_make_world, say=say))
        _make(self.models, _MODELS_RECORD, {"seed": self.seed}, partial(_make_models, say=say))

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve the pictures while the block runs; gives the server's base URL.

        Raises:
            ValueError: the world has not been prepared, or another program has its port.
        """
        from pipelines.miniature.server import serve

        record = self.world / _WORLD_RECORD
        if not record.is_file():
            raise ValueError(f"{self.world}: there is no world yet; call prepare() first")
        with serve(self.world / "images", json.loads(record.read_text())["settings"]["port"]) as url:
            yield url


def _make(folder: Path, record: str, settings: Settings, make: Callable[[Path, Settings], None]) -> None:
    """Have `make` fill a folder beside `folder`, which becomes `folder` once it is whole."""
    if (folder / record).is_file():
        _require_same(folder, json.loads((folder / record).read_text())["settings"], settings)
        return
    unfinished = folder.with_name(f".tmp-{folder.name}")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(parents=True)
    make(unfinished, settings)
    unfinished.rename(folder)


def _make_world(folder: Path, settings: Settings, say: Say) -> None:
    from pipelines.miniature.build import make_world

    make_world(folder, say, **settings)


def _make_models(folder: Path, settings: Settings, say: Say) -> None:
    from pipelines.miniature.models import make_models

    make_models(folder, say, **settings)


def _require_same(folder: Path, made_with: Settings, settings: Settings) -> None:
    for name, value in settings.items():
        if value is not None and value != made_with[name]:
            raise ValueError(
                f"{folder} was made with {name}={made_with[name]}, and {name} is {value} now: "
                f"set it back, or delete {folder} and what was made from it"
            )
