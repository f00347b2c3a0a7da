"""`ella train cache`: make the caches that a training's configuration names, with the models that it names."""

import sys
import time
from collections.abc import Sequence
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch.cli import LightningArgumentParser

from curation.dataset import Dataset, Shard, TrainingSet
from training.cache import CacheLatents, CacheText
from training.cache.cost import describe
from training.cache.paths import cached_shards
from training.data import sample_counts
from training.errors import SettingsError
from training.fit import TrainingCLI, build

Cache = CacheLatents | CacheText


class CacheCLI(TrainingCLI):
    """The configuration of `ella train fit`, of which nothing is made."""

    def init_parser(self, **kwargs: Any) -> LightningArgumentParser:
        """The parser, under this command's name."""
        return super().init_parser(**{**kwargs, "prog": "ella train cache"})

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what `cache` alone has."""
        super().add_arguments_to_parser(parser)
        parser.add_argument("--plan", type=bool, default=False, help="say what the caches will take, and make nothing")
        parser.add_argument("--part", type=str, default="1/1", help="K/N: every Nth shard from the Kth on, one a GPU")

    def instantiate_classes(self) -> None:
        """Leave trainer, model and data alone."""


def main(args: Sequence[str]) -> None:
    """Make what is missing of the caches; a shard that is there is left as it is.

    Args:
        args: the options of `ella train fit`, with `data.latents`, `data.text` or both, and `--plan` and `--part`.

    Raises:
        SettingsError: no cache is named, files are there that were made otherwise, or a model cannot be loaded.
        ValueError: a sample lacks a part; names shard and sample.
    """
    config = build(args, CacheCLI).config
    training_set = TrainingSet(config.data.folder)
    shards = training_set.shards()
    if not shards:
        raise SettingsError(f"{training_set.root}: no training shard there; build the set with `ella run`")
    counts = sample_counts(training_set, shards)
    mine = _part(config.part, shards)
    for stage in stages_of(config):
        _make(stage, training_set, mine, sum(counts), plan=config.plan)


def stages_of(config: Namespace) -> list[Cache]:
    """The stages that make the caches which a training's configuration names.

    Raises:
        SettingsError: it names none.
    """
    data, stages = config.data, list[Cache]()
    if data.latents is not None:
        model = _init_args(config, "diffusion")
        stages.append(
            CacheLatents(
                model=model["path"],
                config=model.get("config"),
                precision=model.get("precision", "float32"),
                resolution=data.resolution,
                name=data.latents,
            )
        )
    if data.text is not None:
        model = _init_args(config, "text_encoder")
        stages.append(
            CacheText(
                model=model["path"],
                length=model.get("length", 128),
                attend_to_padding=model.get("attend_to_padding", True),
                precision=model.get("precision", "float32"),
                captions=data.captions,
                name=data.text,
            )
        )
    if not stages:
        raise SettingsError(
            "neither data.latents nor data.text names a cache: add `--data.latents latents` or the like"
        )
    return stages


def _make(stage: Cache, training_set: TrainingSet, shards: Sequence[Shard], pairs: int, *, plan: bool) -> None:
    dataset, there = Dataset(training_set.root), cached_shards(training_set, stage.name)
    stage.check(dataset)
    pending = [shard for shard in shards if shard not in there]
    print(f"{stage.name}: {describe(stage.cost(), pairs)}; {len(pending)} of {len(shards)} shards to do")
    if plan or not pending:
        return
    stage.setup()
    started, done = time.monotonic(), 0
    for number, shard in enumerate(pending, start=1):
        done += stage.process(dataset, shard).kept
        rate = done / (time.monotonic() - started)
        print(f"{stage.name}: {number}/{len(pending)} shards, {rate:.1f} pairs/s", file=sys.stderr, flush=True)


def _init_args(config: Namespace, part: str) -> dict[str, Any]:
    """The settings of one of the model's frozen parts."""
    settings: dict[str, Any] = config.model[part].init_args.as_dict()
    if "path" not in settings:
        raise SettingsError(
            f"model.{part} is {config.model[part].class_path}, which has no path: there is no cache for it"
        )
    return settings


def _part(text: str, shards: Sequence[Shard]) -> Sequence[Shard]:
    part, slash, parts = text.partition("/")
    if not slash or not part.isdigit() or not parts.isdigit() or not 1 <= int(part) <= int(parts):
        raise SettingsError(f"--part {text}: expected K/N with K from 1 to N, such as 3/8")
    return shards[int(part) - 1 :: int(parts)]
