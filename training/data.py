"""Training pairs from a training set's tars: decoded, cropped, normalised, in an order that the seed decides."""

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, TypedDict

import torch
import webdataset
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from webdataset.tariterators import group_by_keys, tar_file_expander

from curation import storage
from curation.dataset import Shard, TrainingSet
from training.errors import SettingsError
from training.images import Crop, decode_image


class Sample(TypedDict):
    """One pair: pixels (3, H, W) in [-1, 1]."""

    pixels: Tensor
    caption: str
    sample_id: str


class Batch(TypedDict):
    """B pairs: pixels (B, 3, H, W) in [-1, 1]."""

    pixels: Tensor
    captions: list[str]
    sample_ids: list[str]


def collate(samples: list[Sample]) -> Batch:
    """Stack samples into a batch."""
    return Batch(
        pixels=torch.stack([sample["pixels"] for sample in samples]),
        captions=[sample["caption"] for sample in samples],
        sample_ids=[sample["sample_id"] for sample in samples],
    )


@dataclass(frozen=True, kw_only=True)
class PairStream(IterableDataset[Sample]):
    """An endless stream of the pairs of one rank; each of its loader's workers reads shards of its own.

    Every epoch deals all shards anew: their order, and then the order within the shuffle buffer, is a function of
    seed, epoch, rank and worker. A stream that comes to the end of its shards goes on with the next epoch by
    itself, so ranks with uneven shards never wait for each other at an epoch's end.

    Args:
        root: folder of the training set.
        shards: every shard of the set, the same on all ranks.
        resolution: side of the square that training sees, in pixels.
        crop: where it is cut.
        shuffle_buffer: samples that are mixed within a worker; 1 keeps the order of the tars.
        seed: of every order and every random crop.
        rank: this process's rank.
        world_size: processes that train together.
    """

    root: str
    shards: tuple[Shard, ...]
    resolution: int
    crop: Crop
    shuffle_buffer: int
    seed: int
    rank: int = 0
    world_size: int = 1

    def __iter__(self) -> Iterator[Sample]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        for epoch in itertools.count():
            sample = None
            for sample in self.epoch(epoch, worker, workers):
                yield sample
            if sample is None:
                raise ValueError(f"{self.root}: worker {worker} of rank {self.rank} found no sample in epoch {epoch}")

    def epoch(self, epoch: int, worker: int = 0, workers: int = 1) -> Iterator[Sample]:
        """The samples that one worker of this rank sees in one epoch, in order."""
        mixer = random.Random(f"{self.seed}/{epoch}/{self.rank}/{worker}")
        pipeline = webdataset.DataPipeline(
            lambda: _open_tars(self.deal(epoch, worker, workers)),
            tar_file_expander,
            group_by_keys,
            webdataset.shuffle(self.shuffle_buffer, initial=self.shuffle_buffer, rng=mixer),
            webdataset.map(lambda sample: self._decode(sample, epoch)),
        )
        return iter(pipeline)

    def deal(self, epoch: int, worker: int = 0, workers: int = 1) -> list[str]:
        """The tars that one worker of this rank reads in one epoch, in order: dealt like cards, none twice."""
        order = list(self.shards)
        random.Random(f"{self.seed}/{epoch}").shuffle(order)
        hand = order[self.rank * workers + worker :: self.world_size * workers]
        return [TrainingSet(self.root).tar(shard) for shard in hand]

    def _decode(self, sample: dict[str, Any], epoch: int) -> Sample:
        key = sample["__key__"]
        if "jpg" not in sample or "txt" not in sample:
            raise ValueError(f"{sample['__url__']}: sample {key} lacks its jpg or its txt; build the shard again")
        place = random.Random(f"{self.seed}/{epoch}/{key}")
        try:
            pixels = decode_image(sample["jpg"], self.resolution, self.crop, place)
        except OSError as error:
            raise ValueError(f"{sample['__url__']}: image {key} cannot be decoded; build the shard again") from error
        return Sample(pixels=pixels, caption=sample["txt"].decode(), sample_id=key)


def _open_tars(paths: Iterable[str]) -> Iterator[dict[str, str | IO[bytes]]]:
    """Open tars through fsspec: webdataset's own opener would run some kinds of path as shell commands."""
    for path in paths:
        with storage.open_read(path) as stream:
            yield {"url": path, "stream": stream}


class TrainingPairs(LightningDataModule):
    """The pairs of a training set, as Lightning loads them.

    Args:
        folder: the training set, a local folder or any fsspec URL.
        batch_size: pairs a step on each device.
        resolution: side of the square that training sees, in pixels; the image's shorter side is scaled to it.
        crop: where the square is cut: `center`, or `random` (anew every epoch).
        shuffle_buffer: samples that each worker mixes; more mixes better and holds that many files in memory.
        num_workers: processes that read and decode, on each device; 0 does it in the training process.
        seed: of every order and every crop; the command line gives `seed_everything`.
    """

    def __init__(
        self,
        folder: str,
        batch_size: int,
        resolution: int = 512,
        crop: Crop = "center",
        shuffle_buffer: int = 1000,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._set = TrainingSet(folder)
        self._batch_size = batch_size
        self._resolution = resolution
        self._crop = crop
        self._shuffle_buffer = shuffle_buffer
        self._num_workers = num_workers
        self.seed = seed
        self._stream: PairStream | None = None

    def setup(self, stage: str) -> None:
        """Find the shards and deal them to ranks and workers.

        Raises:
            SettingsError: there is no shard, or fewer than readers.
        """
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        shards = self._set.shards()
        if not shards:
            raise SettingsError(
                f"{self._set.root}: no training set there (looked for {self._set.table(Shard(index=0))} and its "
                "like); build one with `ella run`, or set data.folder"
            )
        readers = world_size * max(self._num_workers, 1)
        if len(shards) < readers:
            raise SettingsError(
                f"{self._set.root}: {len(shards)} shards for {readers} readers ({world_size} ranks x "
                f"{max(self._num_workers, 1)} workers), and each needs one of its own: lower data.num_workers, "
                "train on fewer devices, or build the set with smaller shards"
            )
        self._stream = PairStream(
            root=self._set.root,
            shards=tuple(shards),
            resolution=self._resolution,
            crop=self._crop,
            shuffle_buffer=self._shuffle_buffer,
            seed=self.seed,
            rank=rank,
            world_size=world_size,
        )

    def train_dataloader(self) -> DataLoader[Sample]:
        """An endless loader; the trainer's `max_steps` ends it."""
        assert self._stream is not None
        return DataLoader(
            self._stream,
            batch_size=self._batch_size,
            collate_fn=collate,
            num_workers=self._num_workers,
            persistent_workers=self._num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )
