"""A batch is a function of its positions: every part of it belongs to the same sample."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.shards import write_set
from training.batch import Batch
from training.data import TrainingPairs
from training.pairs import PairReader


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A set of 3 shards with 60, 30 and 60 pairs, and their sample_ids by number."""
    root = tmp_path_factory.mktemp("numbered")
    return root, write_set(root, [60, 30, 60])


def reader(root: Path, **settings: Any) -> PairReader:
    data = TrainingPairs(str(root), batch_size=1, **{"resolution": 16, "shuffle_shards": 2, **settings})
    data.setup("fit")
    assert data.reader is not None
    return data.reader


def rows(batch: Batch) -> list[tuple[str, str, list[int], list[int], int]]:
    """Each pair: its sample_id, caption, size and crop, and the brightness of its middle."""
    middles = [round(value) for value in ((batch["pixels"][:, 0, 8, 8] + 1) * 127.5).tolist()]
    sizes, crops = batch["sizes"].tolist(), batch["crops"].tolist()
    return list(zip(batch["sample_ids"], batch["captions"], sizes, crops, middles, strict=True))


def test_all_parts_of_a_pair_are_of_one_sample(numbered: tuple[Path, list[str]]) -> None:
    root, names = numbered
    batch = reader(root).read(np.arange(150))
    assert sorted(batch["sample_ids"]) == sorted(names)
    for name, caption, size, crop, brightness in rows(batch):
        number = names.index(name)
        assert caption == f"caption {number}"
        assert size == [160 + number, 240]
        assert crop == [0, 4]
        assert abs(brightness - number) <= 1
    assert batch["pixels"].shape == (150, 3, 16, 16)
    assert batch["positions"].tolist() == list(range(150))
    assert batch["sizes"].dtype == batch["crops"].dtype == batch["positions"].dtype == torch.int64


def test_a_pair_is_the_same_in_every_batch(numbered: tuple[Path, list[str]]) -> None:
    pairs = reader(numbered[0], crop="random", captions={"caption": 1, "alt_text": 1})
    together = pairs.read(np.arange(100, 200))
    for position in (100, 149, 150, 199):  # on both sides of an epoch's end
        alone = pairs.read(np.array([position]))
        assert rows(alone) == rows(together)[position - 100 : position - 99]
        assert torch.equal(alone["pixels"][0], together["pixels"][position - 100])


def test_a_random_crop_is_another_one_every_epoch(numbered: tuple[Path, list[str]]) -> None:
    pairs = reader(numbered[0], crop="random")
    epochs = [dict(zip(batch["sample_ids"], batch["crops"].tolist(), strict=True)) for batch in
              (pairs.read(np.arange(start, start + 150)) for start in (0, 150))]  # fmt: skip
    moved = sum(epochs[0][name] != epochs[1][name] for name in numbered[1])
    assert moved > 100  # of 9 places from left to right, and one from top to bottom
    assert {left for _, left in epochs[0].values()} == set(range(9))
    assert {top for top, _ in epochs[0].values()} == {0}


def test_captions_are_mixed_by_sample(numbered: tuple[Path, list[str]]) -> None:
    pairs = reader(numbered[0], captions={"caption": 1, "alt_text": 2})
    first, second = (pairs.read(np.arange(start, start + 150)) for start in (0, 150))
    kinds = [dict(zip(batch["sample_ids"], batch["captions"], strict=True)) for batch in (first, second)]
    assert kinds[0] == kinds[1]
    assert 80 < sum(caption.startswith("alt") for caption in kinds[0].values()) < 120


def test_what_latents_stand_for_is_not_read(cached_world: Path, tmp_path: Path) -> None:
    """With both caches no tar is needed."""
    root = tmp_path / "set"
    (root / "text").mkdir(parents=True)
    (root / "latents").symlink_to(cached_world / "training" / "latents")
    for index in (0, 1):
        (root / f"0000{index}.parquet").symlink_to(cached_world / "training" / f"0000{index}.parquet")
        own = cached_world / "training" / "text" / "own" / f"0000{index}.safetensors"
        (root / "text" / own.name).symlink_to(own)
    batch = reader(root, resolution=32, latents="latents", text="text").read(np.arange(8))
    whole = reader(cached_world / "training", resolution=32, latents="latents", text="text").read(np.arange(8))
    assert torch.equal(batch["moments"], whole["moments"])
    assert batch["text"].mask is not None
    own_tokens = batch["text"].features[batch["text"].mask]
    torch.testing.assert_close(own_tokens, whole["text"].features[batch["text"].mask])
    assert batch["empty_text"].features.shape == whole["empty_text"].features.shape == (1, 16, 64)


def test_a_cache_of_another_set_is_refused(cached_world: Path, tmp_path: Path) -> None:
    write_set(tmp_path, [4, 4])
    (tmp_path / "latents").symlink_to(cached_world / "training" / "latents")
    with pytest.raises(ValueError, match=r"latents/00000\.safetensors: holds 4 samples and .* lists 4, of which 4 are"):
        reader(tmp_path, resolution=32, latents="latents")
