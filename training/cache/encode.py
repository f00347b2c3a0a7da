"""Shards through frozen models: images to moments, captions to features."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import torch
from torch import Tensor

from curation.dataset import Shard, TrainingSet
from training.autoencoder import Autoencoder
from training.cache.files import write_cache_file
from training.cache.stamps import Stamp
from training.captions import CaptionMixture
from training.fetch import LocalCopies
from training.frozen import Precision
from training.images import Square, to_tensor
from training.samples import original_size, read_caption, read_details, read_square, require_captions
from training.tar_index import TarIndex
from training.text_encoder import TextEncoder


class Encoder(Protocol):
    """A frozen model, and what it is shown of a shard."""

    def encode(self, tar: TarIndex) -> dict[str, Tensor]:
        """The tensors of a cache's file, all but the sample_ids."""


def write_encoded(training_set: TrainingSet, shard: Shard, path: str, encoder: Encoder, stamp: Stamp) -> int:
    """Write what `encoder` makes of a shard to `path`; returns the number of pairs.

    Raises:
        ValueError: a sample lacks a part, or gives no finite numbers; names shard and sample.
    """
    name = training_set.tar(shard)
    tar = TarIndex(LocalCopies().local(name), name)
    write_cache_file(path, tar.sample_ids, encoder.encode(tar), stamp)
    return len(tar.sample_ids)


class LatentsEncoder:
    """A VAE that is shown the centre squares of images; for the arguments see `CacheLatents`."""

    def __init__(
        self, model: str, *, config: str | None, precision: Precision, resolution: int, batch_size: int, threads: int
    ) -> None:
        self._device = _device()
        self._autoencoder = Autoencoder(model, config, precision).to(self._device)
        self._resolution = resolution
        self._batch_size = batch_size
        self._threads = threads

    def encode(self, tar: TarIndex) -> dict[str, Tensor]:
        """`moments` (n, 2 C, h, w) in float16; `sizes` of the images and `crops` where they were cut, (n, 2) each.

        Raises:
            ValueError: an image cannot be decoded or gives no finite numbers; names shard and sample.
        """
        moments, sizes, crops = list[Tensor](), list[tuple[int, int]](), list[tuple[int, int]]()
        for squares in self._decoded(tar):
            first = len(sizes)
            for row, square in enumerate(squares, start=first):
                sizes.append(original_size(square.size, read_details(tar, row), self._resolution))
                crops.append(square.crop)
            pixels = to_tensor([square.pixels for square in squares]).to(self._device)
            moments.append(self._autoencoder.moments(pixels).half().cpu().contiguous())
            _require_finite(moments[-1], tar, first)
        return {"moments": torch.cat(moments), "sizes": torch.tensor(sizes), "crops": torch.tensor(crops)}

    def _decoded(self, tar: TarIndex) -> Iterator[list[Square]]:
        """Batches of squares; while one is with the VAE, the next is decoded."""
        ahead: list[Future[Square]] = []
        with ThreadPoolExecutor(self._threads) as pool:
            for start in range(0, len(tar.sample_ids), self._batch_size):
                rows = range(start, min(start + self._batch_size, len(tar.sample_ids)))
                coming = [pool.submit(read_square, tar, row, self._resolution, None) for row in rows]
                if ahead:
                    yield [square.result() for square in ahead]
                ahead = coming
            yield [square.result() for square in ahead]


class CaptionsEncoder:
    """A language model that is shown captions; for the arguments see `CacheText`."""

    def __init__(
        self,
        model: str,
        *,
        length: int,
        attend_to_padding: bool,
        precision: Precision,
        mixture: CaptionMixture,
        batch_size: int,
    ) -> None:
        self._encoder = TextEncoder(model, length, precision, attend_to_padding).to(_device())
        self._mixture = mixture
        self._batch_size = batch_size

    def encode(self, tar: TarIndex) -> dict[str, Tensor]:
        """`features` of the captions and `empty` of the empty one.

        (n, L, D) and (L, D) where padding is attended to; else all own tokens one after another (T, D), `starts`
        (n + 1) where each caption's begin, and (l, D).

        Raises:
            ValueError: a sample has no caption, or one that gives no finite numbers; names shard and sample.
        """
        require_captions(tar, self._mixture)
        captions = [read_caption(tar, row, self._mixture) for row in range(len(tar.sample_ids))]
        texts: list[Tensor] = []  # (l, D) each
        for start in range(0, len(captions), self._batch_size):
            texts += self._features(captions[start : start + self._batch_size])
            for row in range(start, len(texts)):
                _require_finite(texts[row][None], tar, row)
        empty = self._features([""])[0]
        if self._encoder.attend_to_padding:
            return {"features": torch.stack(texts), "empty": empty}
        starts = torch.tensor([0, *(len(text) for text in texts)]).cumsum(0)
        return {"features": torch.cat(texts), "starts": starts, "empty": empty}

    def _features(self, captions: list[str]) -> list[Tensor]:
        """Features (l, D) of each caption, without padding unless that is attended to."""
        text = self._encoder(captions)
        features = text.features.cpu()
        if text.mask is None:
            return list(features)
        lengths = text.mask.sum(dim=1).tolist()  # padding is on the right
        return [row[:length].clone() for row, length in zip(features, lengths, strict=True)]


def _require_finite(values: Tensor, tar: TarIndex, first: int) -> None:
    """Raise ValueError where a row of `values`, of the samples from `first` on, has a number that is not finite."""
    finite = values.isfinite().flatten(1).all(dim=1).tolist()
    if not all(finite):
        raise ValueError(
            f"{tar.name}: sample {tar.sample_ids[first + finite.index(False)]} gives numbers beyond 16 bits: run the "
            "model with another precision"
        )


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"
