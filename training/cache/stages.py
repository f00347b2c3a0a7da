"""The stages that keep what frozen models make of a training set, so that they run once and not every epoch."""

import time
from dataclasses import dataclass, field

from curation.dataset import Dataset, Shard, TrainingSet
from curation.stage import Resources, ShardResult, ShardStage, execution
from training.cache.cost import Cost, latents_cost, text_cost
from training.cache.paths import cache_path, cached_shards, check_name
from training.cache.stamps import Precision, Stamp, latents_stamp, require_match, text_stamp
from training.captions import CAPTION, CaptionMixture


@dataclass(kw_only=True)
class CacheLatents(ShardStage):
    """Writes `<set>/<name>/`: mean and log variance that a VAE gives for every image's centre square, in 16 bits.

    Args:
        model: diffusers folder with `vae`, name on the hub, or one safetensors file in the original layout.
        resolution: side of the square, in pixels; the image's shorter side is scaled to it.
        name: the cache's folder in the training set.
        config: for one file, the diffusers folder or the name on the hub whose configurations describe it.
        precision: what the VAE is run in; SDXL's own overflows in float16.
        batch_size: images that the VAE is given at once.
        decode_threads: threads that decode images ahead of it.
        resources: what one worker takes, and how many there are.
    """

    model: str
    resolution: int
    name: str = "latents"
    config: str | None = None
    precision: Precision = "bfloat16"
    batch_size: int = execution(16)
    decode_threads: int = execution(8)
    resources: Resources = field(default_factory=lambda: Resources(gpus=1), metadata={"execution": True})

    @property
    def folder(self) -> str:
        """The cache's folder."""
        return self.name

    def output(self, dataset: Dataset, shard: Shard) -> str:
        """The file with a shard's latents."""
        return cache_path(TrainingSet(dataset.root), self.name, shard)

    def stamp(self) -> Stamp:
        """What decides what is in the files."""
        return {**latents_stamp(model=self.model, resolution=self.resolution), "precision": self.precision}

    def cost(self) -> Cost:
        """What a pair takes."""
        return latents_cost(self.model, self.resolution)

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the name is no folder, or files are there that were made with something else."""
        _check(dataset, self.name, self.stamp())

    def setup(self) -> None:
        """Load the VAE."""
        from training.cache.encode import LatentsEncoder

        self._encoder = LatentsEncoder(
            self.model,
            config=self.config,
            precision=self.precision,
            resolution=self.resolution,
            batch_size=self.batch_size,
            threads=self.decode_threads,
        )

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Encode a shard's images.

        Raises:
            ValueError: an image cannot be decoded or gives no finite numbers; names shard and sample.
        """
        from training.cache.encode import write_encoded

        started = time.monotonic()
        pairs = write_encoded(
            TrainingSet(dataset.root), shard, self.output(dataset, shard), self._encoder, self.stamp()
        )
        return ShardResult(rows=pairs, kept=pairs, seconds=time.monotonic() - started)


@dataclass(kw_only=True)
class CacheText(ShardStage):
    """Writes `<set>/<name>/`: the last hidden state of a language model for every caption, and for the empty one.

    Args:
        model: transformers folder, or name on the hub: `google/flan-t5-xl`.
        name: the cache's folder in the training set.
        length: tokens a caption.
        attend_to_padding: keep what the model gives for padding too, since the connector reads it, as ELLA's authors
            do. False: keep the captions' own tokens alone, which for captions of 60 tokens halves the cache.
        precision: what the model is run in, and its features are kept in.
        captions: names of captions with their weights, as training's data has them; the merged captions without.
        batch_size: captions that the model is given at once.
        resources: what one worker takes, and how many there are.
    """

    model: str
    name: str = "text"
    length: int = 128
    attend_to_padding: bool = True
    precision: Precision = "bfloat16"
    captions: dict[str, float] | None = None
    batch_size: int = execution(64)
    resources: Resources = field(default_factory=lambda: Resources(gpus=1), metadata={"execution": True})

    @property
    def folder(self) -> str:
        """The cache's folder."""
        return self.name

    def output(self, dataset: Dataset, shard: Shard) -> str:
        """The file with a shard's features."""
        return cache_path(TrainingSet(dataset.root), self.name, shard)

    def stamp(self) -> Stamp:
        """What decides what is in the files."""
        stamp = text_stamp(
            model=self.model,
            length=self.length,
            attend_to_padding=self.attend_to_padding,
            captions=self._mixture(),
        )
        return {**stamp, "precision": self.precision}

    def cost(self) -> Cost:
        """What a pair takes, at most."""
        return text_cost(self.model, self.length, 4 if self.precision == "float32" else 2)

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where a setting cannot work, or files are there that were made with something else."""
        _check(dataset, self.name, self.stamp())

    def setup(self) -> None:
        """Load the language model."""
        from training.cache.encode import CaptionsEncoder

        self._encoder = CaptionsEncoder(
            self.model,
            length=self.length,
            attend_to_padding=self.attend_to_padding,
            precision=self.precision,
            mixture=self._mixture(),
            batch_size=self.batch_size,
        )

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Encode a shard's captions.

        Raises:
            ValueError: a sample has no caption, or one gives no finite numbers; names shard and sample.
        """
        from training.cache.encode import write_encoded

        started = time.monotonic()
        pairs = write_encoded(
            TrainingSet(dataset.root), shard, self.output(dataset, shard), self._encoder, self.stamp()
        )
        return ShardResult(rows=pairs, kept=pairs, seconds=time.monotonic() - started)

    def _mixture(self) -> CaptionMixture:
        return CaptionMixture(weights=self.captions or {CAPTION: 1.0})


def _check(dataset: Dataset, name: str, stamp: Stamp) -> None:
    """Refuse a name that is no folder, and a folder whose first file was made with something else."""
    check_name(name)
    training_set = TrainingSet(dataset.root)
    there = cached_shards(training_set, name)
    if not there:
        return
    from training.cache.files import read_stamp

    path = cache_path(training_set, name, min(there))
    require_match(path, read_stamp(path), stamp)
