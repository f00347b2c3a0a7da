"""The stream of pairs: complete, disjoint, endless, and a function of its seed."""

import itertools
import tarfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import fsspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curation.dataset import Shard, TrainingSet
from curation.tar import TarWriter, read_tar
from tests.training import tiny
from training.data import Batch, PairStream, TrainingPairs, collate
from training.errors import SettingsError


def stream(root: str, rank: int = 0, world_size: int = 1, seed: int = 0, shuffle_buffer: int = 100) -> PairStream:
    return PairStream(
        root=root, shards=tuple(TrainingSet(root).shards()), resolution=16, crop="center",
        shuffle_buffer=shuffle_buffer, seed=seed, rank=rank, world_size=world_size,
    )  # fmt: skip


def keys(root: str) -> list[str]:
    training_set = TrainingSet(root)
    return [key for shard in training_set.shards() for key, _ in read_tar(training_set.tar(shard))]


def ids(pairs: PairStream, epoch: int) -> list[str]:
    return [sample["sample_id"] for sample in pairs.epoch(epoch)]


@given(shards=st.integers(1, 40), world_size=st.integers(1, 4), workers=st.integers(1, 4), epoch=st.integers(0, 3))
def test_every_shard_is_dealt_to_one_reader(shards: int, world_size: int, workers: int, epoch: int) -> None:
    hands = [
        PairStream(
            root="set", shards=tuple(Shard(index=index) for index in range(shards)), resolution=16, crop="center",
            shuffle_buffer=1, seed=0, rank=rank, world_size=world_size,
        ).deal(epoch, worker, workers)
        for rank in range(world_size)
        for worker in range(workers)
    ]  # fmt: skip
    assert sorted(itertools.chain(*hands)) == [f"set/{index:05d}.tar" for index in range(shards)]
    assert max(map(len, hands)) - min(map(len, hands)) <= 1


def test_shards_are_dealt_anew_every_epoch() -> None:
    def deal(seed: int, epoch: int) -> tuple[str, ...]:
        shards = tuple(Shard(index=index) for index in range(20))
        pairs = PairStream(root="set", shards=shards, resolution=16, crop="center", shuffle_buffer=1, seed=seed)
        return tuple(pairs.deal(epoch))

    assert len({deal(seed, epoch) for seed in (0, 1) for epoch in (0, 1)}) == 4
    assert deal(1, 1) == deal(1, 1)


def test_an_epoch_is_every_pair_once(training_folder: str) -> None:
    assert sorted(ids(stream(training_folder), 0)) == sorted(keys(training_folder))


def test_ranks_share_an_epoch_between_them(training_folder: str) -> None:
    both = [sample for rank in (0, 1) for sample in ids(stream(training_folder, rank, world_size=2), 0)]
    assert sorted(both) == sorted(keys(training_folder))


def test_the_order_is_a_function_of_seed_and_epoch(training_folder: str) -> None:
    orders = {(seed, epoch): ids(stream(training_folder, seed=seed), epoch) for seed in (0, 1) for epoch in (0, 1)}
    assert ids(stream(training_folder, seed=1), 1) == orders[1, 1]
    assert len({tuple(order) for order in orders.values()}) == 4


def test_without_a_buffer_samples_keep_the_order_of_their_tar(training_folder: str) -> None:
    pairs = stream(training_folder, shuffle_buffer=1)
    expected = [key for path in pairs.deal(0) for key, _ in read_tar(path)]
    assert ids(pairs, 0) == expected


def test_the_stream_goes_from_epoch_to_epoch(training_folder: str) -> None:
    pairs = stream(training_folder)
    taken = [sample["sample_id"] for sample in itertools.islice(pairs, 24)]
    assert taken == ids(pairs, 0) + ids(pairs, 1) + ids(pairs, 2)


def test_a_pair_is_its_pixels_and_its_caption(training_folder: str) -> None:
    captions = {
        key: parts["txt"].decode() for shard in (0, 1) for key, parts in read_tar(f"{training_folder}/0000{shard}.tar")
    }
    for sample in stream(training_folder).epoch(0):
        assert sample["caption"] == captions[sample["sample_id"]]
        colour = torch.tensor(tiny.COLOURS[sample["caption"].split()[1]]) / 127.5 - 1
        torch.testing.assert_close(sample["pixels"][:, 8, 8], colour, atol=0.1, rtol=0)


def test_batches_are_collated(training_folder: str) -> None:
    samples = list(itertools.islice(stream(training_folder), 3))
    batch = collate(samples)
    assert batch["pixels"].shape == (3, 3, 16, 16)
    assert torch.equal(batch["pixels"][1], samples[1]["pixels"])
    assert batch["captions"][2] == samples[2]["caption"]
    assert batch["sample_ids"] == [sample["sample_id"] for sample in samples]


def load(folder: str, batches: int, num_workers: int = 0, seed: int = 0) -> list[Batch]:
    data = TrainingPairs(folder, batch_size=4, resolution=16, num_workers=num_workers, seed=seed)
    data.setup("fit")
    return list(itertools.islice(data.train_dataloader(), batches))


def test_two_workers_read_everything_between_them(training_folder: str) -> None:
    batches = load(training_folder, batches=4, num_workers=2)
    seen = Counter(sample for batch in batches for sample in batch["sample_ids"])
    assert seen == dict.fromkeys(keys(training_folder), 2)


def test_two_loaders_with_one_seed_are_equal(training_folder: str) -> None:
    for one, other in zip(load(training_folder, 5, seed=3), load(training_folder, 5, seed=3), strict=True):
        assert one["sample_ids"] == other["sample_ids"]
        assert torch.equal(one["pixels"], other["pixels"])


def test_a_set_on_another_file_system_is_read(training_folder: str) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(training_folder, "/remote/training", recursive=True)
    assert sorted(ids(stream("memory://remote/training"), 0)) == sorted(keys(training_folder))


def test_no_training_set_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere: no training set there \(looked for \S+/00000\.parquet"):
        load(str(tmp_path / "nowhere"), 1)


def test_fewer_shards_than_readers_is_an_error_with_the_numbers(training_folder: str) -> None:
    with pytest.raises(SettingsError, match=r"2 shards for 3 readers \(1 ranks x 3 workers\)"):
        load(training_folder, 1, num_workers=3)
    data = TrainingPairs(training_folder, batch_size=4)
    data.trainer = SimpleNamespace(global_rank=1, world_size=4)  # type: ignore[assignment]
    with pytest.raises(SettingsError, match=r"2 shards for 4 readers \(4 ranks x 1 workers\)"):
        data.setup("fit")


def write_shard(folder: Path, samples: dict[str, dict[str, bytes]]) -> str:
    root = tiny.save_training_set(folder, shards=1, samples=1)
    with Path(TrainingSet(root).tar(Shard(index=0))).open("wb") as file, TarWriter(file) as tar:
        for key, parts in samples.items():
            tar.write(key, parts)
    return root


def test_a_set_without_samples_is_an_error_and_no_endless_loop(tmp_path: Path) -> None:
    root = write_shard(tmp_path, {})
    with pytest.raises(ValueError, match="worker 0 of rank 0 found no sample in epoch 0"):
        next(iter(stream(root)))


def test_other_members_are_carried_past_unread(tmp_path: Path) -> None:
    parts = {"jpg": tiny.picture("red"), "txt": b"red", "pkl": b"cos\nsystem\n(S'false'\ntR.", "json": b"{"}
    assert ids(stream(write_shard(tmp_path, {"a": parts})), 0) == ["a"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"jpg": tiny.picture("red")}, r"00000\.tar: sample a lacks its jpg or its txt"),
        ({"txt": b"red"}, r"00000\.tar: sample a lacks its jpg or its txt"),
        ({"jpg": tiny.picture("red")[:200], "txt": b"red"}, r"00000\.tar: image a cannot be decoded"),
    ],
)
def test_a_broken_sample_is_named(tmp_path: Path, parts: dict[str, bytes], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ids(stream(write_shard(tmp_path, {"a": parts})), 0)


def test_a_truncated_tar_is_named(tmp_path: Path) -> None:
    root = tiny.save_training_set(tmp_path, shards=1)
    tar = Path(TrainingSet(root).tar(Shard(index=0)))
    tar.write_bytes(tar.read_bytes()[:1000])
    with pytest.raises(tarfile.ReadError, match=r"00000\.tar"):
        ids(stream(root), 0)
