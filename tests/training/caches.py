"""Caches beside the training set of a small world, made by the stages that make large ones."""

from pathlib import Path

from curation.dataset import Dataset, TrainingSet
from training.cache import CacheLatents, CacheText


def build(stage: CacheLatents | CacheText, root: str) -> None:
    """What a run does with a stage, for every shard."""
    stage.check(Dataset(root))
    stage.setup()
    for shard in TrainingSet(root).shards():
        stage.process(Dataset(root), shard)


def save_caches(world: Path, resolution: int = 32, length: int = 16) -> None:
    """The caches `latents`, `text`, and `text/own` without padding."""
    root, t5, diffusion = (str(world / name) for name in ("training", "models/t5", "models/stable-diffusion"))
    build(CacheLatents(model=diffusion, resolution=resolution, precision="float32"), root)
    build(CacheText(model=t5, length=length, precision="float32"), root)
    build(CacheText(model=t5, length=length, precision="float32", name="text/own", attend_to_padding=False), root)
