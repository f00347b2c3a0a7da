"""Training pairs as Lightning loads them: a training set's images and captions, or the caches beside it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from curation import storage
from curation.dataset import Shard, TrainingSet
from training.batch import Batch
from training.cache.files import LatentsFile, TextFile
from training.cache.paths import cache_path, cached_shards
from training.cache.stamps import asked_latents, asked_text
from training.captions import CAPTION, CaptionMixture
from training.errors import SettingsError
from training.fetch import LocalCopies
from training.images import Crop
from training.loader_worker import outlive_sigterm
from training.order import SampleOrder
from training.pairs import PairReader
from training.progress import Progress, State
from training.resuming import align, check_trainer
from training.samples import require_captions
from training.shard_files import File, ShardFiles
from training.stream import BatchStream
from training.tar_index import TarIndex

READERS = 16
"""Threads that read the tables' footers: the work is waiting for storage."""


class TrainingPairs(LightningDataModule):
    """The pairs of a training set, in an order that is a function of the seed and of the position alone.

    Neither the number of workers nor that of ranks changes it. A checkpoint holds how many samples it has seen, and
    training goes on with the next one, also with another batch size or number of devices.

    Args:
        folder: the training set, a local folder or any fsspec URL.
        batch_size: pairs a step on each device.
        resolution: side of the square that training sees, in pixels; the image's shorter side is scaled to it.
        crop: where the square is cut: `center`, or `random` (anew every epoch).
        captions: names of captions with their weights; each sample always has the same one. `caption` is the one the
            set was merged with; others are texts in the samples' JSON, such as `alt_text`, which for JourneyDB is the
            prompt its image was made from.
        latents: folder of the set with the VAE's moments, made by `ella train cache`, to read instead of the images.
        text: folder of the set with the text encoder's features, made likewise, to read instead of the captions.
        shuffle_shards: shards whose samples are mixed with one another; more mix better and keep more files open.
        validation_shards: shards at the set's end that are held out from training, for validation.
        num_workers: processes that read and decode, on each device; 0 does it in the training process.
        prefetch: batches that each of them has ready.
        copies: folder for copies of a remote set's files; one in the system's temporary folder without.
        copies_gib: how much may be there.
        seed: of every order and every crop; the command line gives `seed_everything`.
    """

    def __init__(
        self,
        folder: str,
        batch_size: int,
        resolution: int = 512,
        crop: Crop = "center",
        captions: dict[str, float] | None = None,
        latents: str | None = None,
        text: str | None = None,
        shuffle_shards: int = 16,
        validation_shards: int = 0,
        num_workers: int = 0,
        prefetch: int = 2,
        copies: str | None = None,
        copies_gib: float = 64.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("resolution", resolution, 1),
            ("validation_shards", validation_shards, 0),
            ("num_workers", num_workers, 0),
            ("prefetch", prefetch, 1),
        ):
            if value < least:
                raise SettingsError(f"data.{name} is {value}: expected {least} or more")
        self.training_set = TrainingSet(folder)
        self.batch_size = batch_size
        self.resolution = resolution
        self.crop: Crop = crop
        self.captions = CaptionMixture(weights=captions or {CAPTION: 1.0})
        self.latents = latents
        self.text = text
        self.seed = seed
        self._shuffle_shards = shuffle_shards
        self._validation_shards = validation_shards
        self._num_workers = num_workers
        self._prefetch = prefetch
        self._copies = LocalCopies(folder=copies or LocalCopies.folder, gib=copies_gib)
        self.reader: PairReader | None = None
        self.validation_reader: PairReader | None = None
        self._start = Progress()

    @property
    def cached(self) -> frozenset[Literal["latents", "text"]]:
        """What batches hold ready-made, so that nobody needs to load what makes it."""
        names: dict[Literal["latents", "text"], str | None] = {"latents": self.latents, "text": self.text}
        return frozenset(kind for kind, name in names.items() if name is not None)

    def setup(self, stage: str) -> None:
        """Find the shards, and see that the caches are what this training asks for.

        Raises:
            SettingsError: there are too few shards, a cache is missing or of another model or transform, or there are
                no captions of a name.
        """
        shards = self.training_set.shards()
        if len(shards) <= self._validation_shards:
            raise SettingsError(
                f"{self.training_set.root}: found {len(shards)} shards (looked for "
                f"{self.training_set.table(Shard(index=0))} and its like), and validation_shards is "
                f"{self._validation_shards}; build the set with `ella run`, or set data.folder"
            )
        self._check_caches(shards)
        counts = sample_counts(self.training_set, shards)
        held_out = len(shards) - self._validation_shards
        self.reader = self._reader(shards[:held_out], counts[:held_out], self.crop)
        if self._validation_shards:
            self.validation_reader = self._reader(shards[held_out:], counts[held_out:], "center")
        for files in (self.reader.latents, self.reader.text):
            if files is not None:
                files[0]  # refused here, not by a worker, where it was made for another training
        if self.text is None and self.captions.needs_json:
            require_captions(self.reader.tars[0], self.captions)

    def train_dataloader(self) -> DataLoader[Batch]:
        """A loader without an end, from the first sample that no step has seen; the trainer's `max_steps` ends it.

        Raises:
            SettingsError: nothing would end it, or it would begin again.
        """
        assert self.reader is not None
        progress = self._progress()
        if self.trainer:
            check_trainer(self.trainer, self.reader.order.samples, self._samples_a_step())
            align(self.trainer)
        return self._loader(self.reader, self.batch_size, first=progress.samples)

    def val_dataloader(self) -> DataLoader[Batch] | list[DataLoader[Batch]]:
        """A loader of the held-out pairs, each once, in the same order every time.

        Raises:
            SettingsError: there are fewer pairs than ranks.
        """
        if self.validation_reader is None:
            return []
        pairs, (_, world_size) = self.validation_reader.order.samples, self._ranks()
        if pairs < world_size:
            raise SettingsError(
                f"{self.training_set.root}: {pairs} held-out pairs for {world_size} ranks, and each needs one: raise "
                "data.validation_shards"
            )
        # Every rank gets a batch, since they wait for each other where the loss is added up.
        return self._loader(self.validation_reader, min(self.batch_size, pairs // world_size), first=0, end=pairs)

    def state_dict(self) -> State:
        """How many samples the trainer's finished steps have seen, and in which order."""
        assert self.reader is not None
        return self._progress().state(self.reader.order)

    def load_state_dict(self, state_dict: State) -> None:
        """Go on where a checkpoint was.

        Raises:
            SettingsError: the set, the seed or `shuffle_shards` changed.
        """
        assert self.reader is not None
        self._start = Progress.restored(state_dict, self.reader.order)

    def _progress(self) -> Progress:
        return self._start.after(self.trainer.global_step, self._samples_a_step()) if self.trainer else self._start

    def _samples_a_step(self) -> int:
        return self.batch_size * self._ranks()[1] * (self.trainer.accumulate_grad_batches if self.trainer else 1)

    def _ranks(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _check_caches(self, shards: Sequence[Shard]) -> None:
        """See that every shard has its file in every cache, and that the first is what is asked for."""
        if self.latents is not None and self.crop != "center":
            raise SettingsError(f"data.crop is {self.crop} and a cache of latents holds centre crops: set it to center")
        for name in filter(None, (self.latents, self.text)):
            missing = sorted(set(shards) - cached_shards(self.training_set, name))
            if missing:
                raise SettingsError(
                    f"{storage.join(self.training_set.root, name)}: {len(missing)} of {len(shards)} shards are not in "
                    f"this cache, {missing[0].name} for one; `ella train cache` makes what is missing"
                )

    def _reader(self, shards: Sequence[Shard], counts: Sequence[int], crop: Crop) -> PairReader:
        def files(path: Callable[[Shard], str], load: Callable[[Path, str], File]) -> ShardFiles[File]:
            return ShardFiles(
                self.training_set, shards, path=path, load=load, copies=self._copies, most=2 * self._shuffle_shards
            )

        def cache(name: str) -> Callable[[Shard], str]:
            return partial(cache_path, self.training_set, name)

        return PairReader(
            order=SampleOrder(counts=tuple(counts), seed=self.seed, window=self._shuffle_shards),
            tars=files(self.training_set.tar, TarIndex),
            resolution=self.resolution,
            crop=crop,
            captions=self.captions,
            latents=None if self.latents is None else files(cache(self.latents), self._load_latents()),
            text=None if self.text is None else files(cache(self.text), self._load_text()),
        )

    def _load_latents(self) -> Callable[[Path, str], LatentsFile]:
        module = self.trainer.lightning_module if self.trainer else None
        asked = asked_latents(getattr(module, "make_diffusion", None), self.resolution)
        return partial(LatentsFile, asked=asked)

    def _load_text(self) -> Callable[[Path, str], TextFile]:
        module = self.trainer.lightning_module if self.trainer else None
        asked = asked_text(getattr(module, "make_text_encoder", None), self.captions)
        return partial(TextFile, asked=asked)

    def _loader(self, reader: PairReader, batch_size: int, *, first: int, end: int | None = None) -> DataLoader[Batch]:
        rank, world_size = self._ranks()
        stream = BatchStream(
            reader=reader, first=first, batch_size=batch_size, rank=rank, world_size=world_size, end=end
        )
        return DataLoader(
            stream,
            batch_size=None,  # the stream's items are batches
            num_workers=self._num_workers,
            prefetch_factor=self._prefetch if self._num_workers else None,
            worker_init_fn=outlive_sigterm,
            pin_memory=torch.cuda.is_available(),
        )


def sample_counts(training_set: TrainingSet, shards: Sequence[Shard]) -> list[int]:
    """Samples in each shard, from the footers of their tables."""

    def count(shard: Shard) -> int:
        with storage.open_read(training_set.table(shard)) as file:
            return int(pq.read_metadata(file).num_rows)

    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(count, shards))
