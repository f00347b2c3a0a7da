"""Where the files of a cache stand in a training set, and whether more may be added to them."""

from curation import storage
from curation.dataset import Shard, TrainingSet


def cache_path(training_set: TrainingSet, name: str, shard: Shard) -> str:
    """The file of the cache called `name` for a shard."""
    return storage.join(training_set.root, name, f"{shard.name}.safetensors")


def cached_shards(training_set: TrainingSet, name: str) -> set[Shard]:
    """The shards that are in the cache called `name`."""
    names = storage.names(storage.join(training_set.root, name), ".safetensors")
    stems = (file.removesuffix(".safetensors") for file in names)
    return {Shard(index=int(stem)) for stem in stems if stem.isdigit()}


def check_name(name: str) -> None:
    """Refuse a name that is no folder of its own below the training set.

    Raises:
        ValueError: with the name.
    """
    parts = name.split("/")
    if not all(parts) or set(parts) & {".", ".."} or parts[0] in ("plan", "shards"):
        raise ValueError(f"name={name!r}: expected a folder of the training set such as latents or text/t5-xl")
