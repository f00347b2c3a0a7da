"""Batches of a training set by position: from its tars, or from the caches that stand beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from training.batch import Batch
from training.cache.files import LatentsFile, TextFile, gather, gather_text
from training.captions import CaptionMixture
from training.images import Crop, to_tensor
from training.order import Integers, SampleOrder, draws
from training.samples import original_size, read_caption, read_details, read_square
from training.shard_files import ShardFiles
from training.tar_index import TarIndex

Places = Sequence[tuple[int, int]]
"""Samples: the number of a shard, as the order counts them, and a row in it."""


@dataclass(frozen=True, kw_only=True)
class PairReader:
    """Reads batches; what a batch holds is a function of its positions.

    Args:
        order: what stands at which position.
        tars: with images and captions.
        resolution: side of the square that training sees, in pixels.
        crop: where it is cut.
        captions: which caption a sample has.
        latents: what stands for the pixels, if anything.
        text: what stands for the captions, if anything.
    """

    order: SampleOrder
    tars: ShardFiles[TarIndex]
    resolution: int
    crop: Crop
    captions: CaptionMixture
    latents: ShardFiles[LatentsFile] | None = None
    text: ShardFiles[TextFile] | None = None

    def read(self, positions: Integers) -> Batch:
        """The pairs at `positions`, (B,).

        Raises:
            DataError: a file is damaged, or a sample lacks a part; the message names them.
            OSError: a file cannot be read.
        """
        shards, rows = self.order.locate(positions)
        places = list(zip(shards.tolist(), rows.tolist(), strict=True))
        batch = self._moments(places, positions) if self.latents is not None else self._pixels(places, positions)
        if self.text is not None:
            files = [self.text[shard] for shard, _ in places]
            batch["text"], batch["empty_text"] = gather_text(files, [row for _, row in places]), files[0].empty
        else:
            batch["captions"] = [read_caption(self.tars[shard], row, self.captions) for shard, row in places]
        return batch

    def _pixels(self, places: Places, positions: Integers) -> Batch:
        samples = [(self.tars[shard], row) for shard, row in places]
        squares = [
            read_square(*sample, self.resolution, cut)
            for sample, cut in zip(samples, self._cuts(positions), strict=True)
        ]
        sizes = [
            original_size(square.size, read_details(*sample), self.resolution)
            for sample, square in zip(samples, squares, strict=True)
        ]
        return Batch(
            sample_ids=[tar.sample_ids[row] for tar, row in samples],
            positions=torch.from_numpy(positions),
            pixels=to_tensor([square.pixels for square in squares]),
            sizes=torch.tensor(sizes),
            crops=torch.tensor([square.crop for square in squares]),
        )

    def _moments(self, places: Places, positions: Integers) -> Batch:
        assert self.latents is not None
        files, rows = [self.latents[shard] for shard, _ in places], [row for _, row in places]
        return Batch(
            sample_ids=[file.sample_ids[row] for file, row in zip(files, rows, strict=True)],
            positions=torch.from_numpy(positions),
            moments=gather([file.moments for file in files], rows),
            sizes=gather([file.sizes for file in files], rows),
            crops=gather([file.crops for file in files], rows),
        )

    def _cuts(self, positions: Integers) -> Sequence[tuple[float, float] | None]:
        """Where each position's image is cut: another place in every epoch where crops are random."""
        if self.crop == "center":
            return [None] * len(positions)
        top, left = (draws(self.order.seed, positions, side).tolist() for side in ("top", "left"))
        return list(zip(top, left, strict=True))
