"""The pairs that training gets: complete, in one order, from tars or caches, and what is refused."""

import functools
import itertools
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pytest
import torch

from tests.training import tiny
from tests.training.shards import parts_of, write_set, write_shard
from training.batch import Batch
from training.data import TrainingPairs
from training.diffusion import LatentDiffusion
from training.errors import DataError, SettingsError
from training.text_encoder import TextEncoder


def load(folder: Path | str, batches: int, **settings: Any) -> list[Batch]:
    data = TrainingPairs(str(folder), **{"batch_size": 4, "resolution": 16, **settings})
    data.setup("fit")
    return list(itertools.islice(data.train_dataloader(), batches))


def ids(batches: list[Batch]) -> list[str]:
    return [sample for batch in batches for sample in batch["sample_ids"]]


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A set of 3 shards with 7, 2 and 3 pairs, and their sample_ids by number."""
    root = tmp_path_factory.mktemp("uneven")
    return root, write_set(root, [7, 2, 3])


def test_an_epoch_is_every_pair_once(uneven: tuple[Path, list[str]]) -> None:
    root, names = uneven
    seen = ids(load(root, batches=9))
    assert [sorted(seen[start : start + 12]) for start in (0, 12, 24)] == [sorted(names)] * 3
    assert seen[:12] != seen[12:24]


def test_more_workers_than_shards_give_the_same(uneven: tuple[Path, list[str]]) -> None:
    one, other = load(uneven[0], 6, crop="random"), load(uneven[0], 6, crop="random", num_workers=4, prefetch=3)
    for left, right in zip(one, other, strict=True):
        assert left["sample_ids"] == right["sample_ids"]
        assert torch.equal(left["pixels"], right["pixels"])
        assert torch.equal(left["positions"], right["positions"])


def test_the_seed_decides_the_order(uneven: tuple[Path, list[str]]) -> None:
    orders = [ids(load(uneven[0], 3, seed=seed)) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


def test_a_set_on_another_file_system_is_read(uneven: tuple[Path, list[str]], tmp_path: Path) -> None:
    fsspec.filesystem("memory").put(str(uneven[0]), "/remote/uneven", recursive=True)
    remote = load("memory://remote/uneven", 3, copies=str(tmp_path))
    assert ids(remote) == ids(load(uneven[0], 3))
    assert len([path for path in tmp_path.iterdir() if path.suffix == ".tar"]) == 3


def test_pairs_are_held_out_for_validation(uneven: tuple[Path, list[str]]) -> None:
    root, names = uneven
    data = TrainingPairs(str(root), batch_size=2, resolution=16, validation_shards=1, crop="random")
    data.setup("fit")
    held_out: list[Batch] = list(data.val_dataloader())  # type: ignore[arg-type]
    assert sorted(ids(held_out)) == sorted(names[9:])
    assert [batch["positions"].tolist() for batch in held_out] == [[0, 1], [2]]
    assert [batch["crops"].tolist() for batch in held_out] == [[[0, 4]] * 2, [[0, 4]]]
    trained = ids(list(itertools.islice(data.train_dataloader(), 9)))
    assert set(trained) == set(names[:9])
    assert TrainingPairs(str(root), batch_size=2).val_dataloader() == []


def test_every_rank_has_something_to_validate(uneven: tuple[Path, list[str]]) -> None:
    def validate(rank: int, world_size: int) -> list[Batch]:
        data = TrainingPairs(str(uneven[0]), batch_size=2, resolution=16, validation_shards=1)
        data.trainer = trainer(rank, world_size)
        data.setup("fit")
        return list(data.val_dataloader())  # type: ignore[arg-type]

    ranks = [validate(rank, 3) for rank in range(3)]
    assert sorted(itertools.chain(*(ids(batches) for batches in ranks))) == sorted(uneven[1][9:])
    assert all(ranks)
    with pytest.raises(SettingsError, match="3 held-out pairs for 4 ranks"):
        validate(0, 4)


def trainer(rank: int = 0, world_size: int = 1, model: object = None) -> Any:
    return SimpleNamespace(
        global_rank=rank, world_size=world_size, global_step=0, accumulate_grad_batches=1, lightning_module=model
    )


@pytest.mark.parametrize("name", ["batch_size", "resolution", "prefetch", "num_workers", "validation_shards"])
def test_less_than_nothing_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"data\.{name} is -1: expected [01] or more"):
        TrainingPairs("set", **{"batch_size": 1, name: -1})  # type: ignore[arg-type]


def test_no_training_set_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere: found 0 shards \(looked for \S+/00000\.parquet"):
        load(tmp_path / "nowhere", 1)


def test_a_set_that_is_all_held_out_is_an_error(uneven: tuple[Path, list[str]]) -> None:
    with pytest.raises(SettingsError, match=r"found 3 shards .* validation_shards is 3"):
        load(uneven[0], 1, validation_shards=3)


def test_a_set_without_samples_is_an_error(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, {})
    with pytest.raises(SettingsError, match="1 shards without a sample"):
        load(tmp_path, 1)


def test_captions_that_no_sample_has_are_refused(uneven: tuple[Path, list[str]]) -> None:
    with pytest.raises(SettingsError, match=r"00000\.tar has 'alt'; found alt_text"):
        load(uneven[0], 1, captions={"alt": 1})


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_sample_ends_training_with_its_name(tmp_path: Path, workers: int) -> None:
    write_shard(tmp_path, 0, {"a": parts_of(1), "b": {**parts_of(2), "jpg": b"broken"}})
    message = ""
    try:
        load(tmp_path, 2, num_workers=workers)
    except DataError as error:  # and not pytest.raises, which would keep the loader and its workers for a while
        message = str(error)
    assert re.fullmatch(r"\S+/00000\.tar: the image of sample b cannot be decoded .*", message)


def test_caches_stand_for_images_and_captions(cached_world: Path) -> None:
    data = TrainingPairs(str(cached_world / "training"), batch_size=4, resolution=32, latents="latents", text="text")
    assert data.cached == {"latents", "text"}
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    online = load(cached_world / "training", 1, resolution=32)[0]
    assert batch["sample_ids"] == online["sample_ids"]
    assert "pixels" not in batch
    assert "captions" not in batch
    for key in ("positions", "sizes", "crops"):
        assert torch.equal(batch[key], online[key])  # type: ignore[literal-required]
    encoder = TextEncoder(str(cached_world / "models" / "t5"), length=16)
    torch.testing.assert_close(batch["text"].features, encoder(online["captions"]).features)
    vae = LatentDiffusion(str(cached_world / "models" / "stable-diffusion")).vae
    assert vae is not None
    torch.testing.assert_close(batch["moments"].float(), vae.moments(online["pixels"]), atol=0.01, rtol=0.001)


def test_one_cache_alone_is_enough(cached_world: Path) -> None:
    alone, worked = (load(cached_world / "training", 3, text="text/own", num_workers=workers) for workers in (0, 2))
    for one, other in zip(alone, worked, strict=True):
        assert "pixels" in one
        assert torch.equal(one["text"].features, other["text"].features)
        assert one["text"].mask is not None
        assert other["text"].mask is not None
        assert torch.equal(one["text"].mask, other["text"].mask)
    assert TrainingPairs("x", batch_size=1).cached == frozenset()


def module(world: Path, **changes: Any) -> Any:
    """What a training says about the models that it will make."""
    models = {"t5": str(world / "models" / "t5"), "diffusion": str(world / "models" / "stable-diffusion"), **changes}
    return SimpleNamespace(
        make_text_encoder=functools.partial(TextEncoder, models["t5"], length=models.get("length", 16)),
        make_diffusion=functools.partial(LatentDiffusion, models["diffusion"]),
    )


def set_up(world: Path, model: Any, **settings: Any) -> None:
    data = TrainingPairs(str(world / "training"), **{"batch_size": 1, "resolution": 32, **settings})
    data.trainer = trainer(model=model)
    data.setup("fit")


def test_caches_of_other_models_or_images_are_refused(cached_world: Path, tmp_path: Path) -> None:
    diffusion = tiny.save_diffusion(tmp_path / "other-diffusion", prediction_type="v_prediction")
    t5 = tiny.save_text_encoder(tmp_path / "other-t5", width=32)
    set_up(cached_world, module(cached_world), latents="latents", text="text")
    set_up(cached_world, module(cached_world, diffusion=diffusion), latents="latents")  # the same VAE, elsewhere
    config = Path(diffusion) / "vae" / "config.json"
    config.write_text(config.read_text().replace("0.18215", "0.13025"))
    with pytest.raises(SettingsError, match=r"latents\S*: made .* model is \S+/stable-diffusion .*/other-diffusion "):
        set_up(cached_world, module(cached_world, diffusion=diffusion), latents="latents")
    with pytest.raises(SettingsError, match="resolution is 32 there and 48 here"):
        set_up(cached_world, module(cached_world), latents="latents", resolution=48)
    with pytest.raises(
        SettingsError, match=r"model is \S+/models/t5 \(\w{16}\) there and \S+/other-t5 \(\w{16}\) here"
    ):
        set_up(cached_world, module(cached_world, t5=t5), text="text")
    with pytest.raises(SettingsError, match="length is 16 there and 77 here"):
        set_up(cached_world, module(cached_world, length=77), text="text")
    with pytest.raises(SettingsError, match=r"captions is .* there and .*alt_text.* here"):
        set_up(cached_world, module(cached_world), text="text", captions={"alt_text": 1})
    with pytest.raises(SettingsError, match="kind is latents there and text here"):
        set_up(cached_world, module(cached_world), text="latents")
    with pytest.raises(SettingsError, match=r"data\.crop is random and a cache of latents holds centre crops"):
        set_up(cached_world, module(cached_world), latents="latents", crop="random")


def test_a_cache_that_is_not_whole_is_refused(cached_world: Path) -> None:
    with pytest.raises(SettingsError, match=r"none: 2 of 2 shards are not in this cache, 00000 for one"):
        set_up(cached_world, None, latents="none")
