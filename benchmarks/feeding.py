"""How fast batches come: from the caches, beside webdataset reading the same tensors as `.npy` members; and squares.

python -m benchmarks.feeding
"""

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
import webdataset
from PIL import Image

from benchmarks.interleaved import interleave, machine, speedup
from benchmarks.photograph_server import LARGE, bodies
from curation import storage
from curation.dataset import Shard, TrainingSet, sample_id
from curation.schemas import TRAINING
from curation.tar import TarWriter
from training.cache.files import write_cache_file
from training.cache.paths import cache_path
from training.captions import CAPTION
from training.data import TrainingPairs
from training.images import DRAFT, decode_square
from training.pairs import PairReader

SHARDS = 4
MOMENTS = (8, 64, 64)
"""Of SD1.5's VAE at 512 pixels."""

BATCH = 32
RESOLUTION = 512

Pair = dict[str, torch.Tensor]
Batches = Callable[[], Iterator[tuple[list[str], Pair]]]


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def write_set(root: str, pairs: int, text: tuple[int, int]) -> None:
    """The same tensors twice: in caches, and in tars of `.npy` members as webdataset has them."""
    training_set, draw = TrainingSet(root), torch.Generator().manual_seed(0)
    for index in range(SHARDS):
        shard, rows = Shard(index=index), pairs // SHARDS
        ids = sorted(sample_id(f"{index}/{row}") for row in range(rows))
        moments = torch.randn(rows, *MOMENTS, generator=draw).half()
        features = torch.randn(rows, *text, generator=draw).half()
        fixed = torch.zeros(rows, 2, dtype=torch.int64)
        storage.write_table(
            training_set.table(shard), pa.Table.from_pylist([{"sample_id": key} for key in ids], TRAINING)
        )
        latents = {"moments": moments, "sizes": fixed + RESOLUTION, "crops": fixed}
        stamp = {"kind": "latents", "resolution": RESOLUTION, "crop": "center"}
        write_cache_file(cache_path(training_set, "latents", shard), ids, latents, stamp)
        stamp = {"kind": "text", "length": text[0], "captions": {CAPTION: 1.0}}
        tensors = {"features": features, "empty": features[0].clone()}
        write_cache_file(cache_path(training_set, "text", shard), ids, tensors, stamp)
        with Path(training_set.tar(shard)).open("wb") as file, TarWriter(file) as tar:
            for row, key in enumerate(ids):
                members = {"moments.npy": npy(moments[row].numpy()), "text.npy": npy(features[row].numpy())}
                tar.write(key, members)


def reader(root: str) -> PairReader:
    data = TrainingPairs(root, batch_size=BATCH, latents="latents", text="text", shuffle_shards=SHARDS)
    data.setup("fit")
    assert data.reader is not None
    return data.reader


def from_caches(pairs: PairReader) -> Iterator[tuple[list[str], Pair]]:
    """An epoch in training's order, which jumps about in all shards at once."""
    for start in range(0, pairs.order.samples, BATCH):
        batch = pairs.read(np.arange(start, start + BATCH))
        yield batch["sample_ids"], {"moments": batch["moments"], "text": batch["text"].features}


def from_members(root: str) -> Iterator[tuple[list[str], Pair]]:
    """An epoch in the order of the tars, which costs webdataset nothing."""
    tars = [TrainingSet(root).tar(Shard(index=index)) for index in range(SHARDS)]
    dataset = (
        webdataset.WebDataset(tars, shardshuffle=False)
        .decode()
        .to_tuple("__key__", "moments.npy", "text.npy")
        .batched(BATCH, partial=False, collation_fn=lambda samples: list(zip(*samples, strict=True)))
    )
    for keys, moments, text in dataset:
        yield (
            list(keys),
            {
                "moments": torch.from_numpy(np.stack(moments)),
                "text": torch.from_numpy(np.stack(text)),
            },
        )


def by_sample(batches: Iterator[tuple[list[str], Pair]]) -> dict[str, Pair]:
    return {
        key: {name: tensor[row].clone() for name, tensor in batch.items()}
        for keys, batch in batches
        for row, key in enumerate(keys)
    }


def drain(batches: Iterator[tuple[list[str], Pair]]) -> None:
    for _ in batches:
        pass


def compare_assembly(pairs: int, text: tuple[int, int], rounds: int) -> None:
    with tempfile.TemporaryDirectory() as root:
        write_set(root, pairs, text)
        cached = reader(root)
        one, other = by_sample(from_caches(cached)), by_sample(from_members(root))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key][name], other[key][name]) for key in one for name in ("moments", "text"))
        kib = sum(tensor.nbytes for tensor in next(iter(one.values())).values()) / 1024
        print(f"text {text[0]} x {text[1]}: all {len(one)} pairs of {kib:,.0f} KiB are equal")
        contenders = {"members": lambda: drain(from_members(root)), "caches": lambda: drain(from_caches(cached))}
        took = interleave(contenders, rounds, time.process_time)
    rates = {name: pairs / sorted(seconds)[rounds // 2] for name, seconds in took.items()}
    print(f"| `.npy` members, webdataset {webdataset.__version__} | {rates['members']:,.0f} pairs/s | |")
    times = speedup(took["members"], took["caches"])
    print(f"| caches, training's order | {rates['caches']:,.0f} pairs/s | {times:.1f}x |")


def compare_decoding(side: int, rounds: int) -> None:
    """Squares of photographs, decoded whole and at a part of their size."""
    images = [photograph(content, side) for content in bodies(LARGE)[:8]]
    squares = {
        draft: [decode_square(image, RESOLUTION, draft=draft).pixels for image in images] for draft in (0, DRAFT)
    }
    error = np.mean([(a.astype(float) - b) ** 2 for a, b in zip(squares[0], squares[DRAFT], strict=True)])
    decibels = f"{10 * np.log10(255**2 / error):.1f} dB from the whole" if error else "equal to the whole"
    contenders = {
        name: lambda draft=draft: [decode_square(image, RESOLUTION, draft=draft) for image in images]  # type: ignore[misc]
        for name, draft in (("whole", 0), ("part", DRAFT))
    }
    took = interleave(contenders, rounds, time.process_time)
    slow, fast = (1000 * sorted(took[name])[rounds // 2] / len(images) for name in ("whole", "part"))
    print(f"| {side} -> {RESOLUTION} px | {slow:.1f} ms | {fast:.1f} ms | {decibels} |")


def photograph(content: bytes, side: int) -> bytes:
    """A photograph as a training set holds it, with its shorter side scaled to `side`."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    scale = side / min(image.size)
    buffer = io.BytesIO()
    image.resize((round(image.width * scale), round(image.height * scale))).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description="Time batches out of caches, and squares out of photographs.")
    parser.add_argument("--pairs", type=int, default=512, help="in all; a multiple of 128")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    for text in ((16, 64), (128, 2048)):
        compare_assembly(options.pairs, text, options.rounds)
    print("| square | decoded whole | with draft mode | difference |\n|---|---|---|---|")
    for side in (512, 1024, 2048):
        compare_decoding(side, max(3, options.rounds // 2))


if __name__ == "__main__":
    main()
