"""The frozen models around a connector: what is loaded, what fits, what a batch becomes."""

import copy
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training import tiny
from training.batch import Batch, TextFeatures
from training.connectors import Connector, TimestepAwareSemanticConnector
from training.diffusion import LatentDiffusion
from training.draws import Draws
from training.errors import SettingsError
from training.frozen_models import Cached, FrozenModels
from training.text_encoder import TextEncoder


@pytest.fixture(scope="module")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.save_sdxl(tmp_path_factory.mktemp("sdxl"))


def load(world: Path, cached: Collection[Cached] = (), diffusion: str | None = None, **settings: Any) -> FrozenModels:
    folder = diffusion or str(world / "models" / "stable-diffusion")
    return FrozenModels.load(
        lambda: TextEncoder(str(world / "models" / "t5"), length=16),
        lambda with_vae: LatentDiffusion(folder, with_vae=with_vae, **settings),
        frozenset(cached),
    )


def connector(text_width: int = tiny.TEXT_WIDTH, width: int = tiny.CONDITION_WIDTH, **changes: Any) -> Connector:
    torch.manual_seed(0)
    return TimestepAwareSemanticConnector(text_width, width, latents=4, depth=1, heads=4, **changes)


def cached_batch(models: FrozenModels, batch: Batch) -> Batch:
    """`batch` as a cache gives it: moments and features, no pixels."""
    assert models.text_encoder is not None
    assert models.diffusion.vae is not None
    return Batch(
        sample_ids=batch["sample_ids"],
        positions=batch["positions"],
        sizes=batch["sizes"],
        crops=batch["crops"],
        moments=models.diffusion.vae.moments(batch["pixels"]),
        text=models.text_encoder(batch["captions"]),
        empty_text=models.text_encoder([""]),
    )


def test_only_what_the_data_does_not_give_is_loaded(world: Path) -> None:
    everything, latents, both = (load(world, cached) for cached in ((), ("latents",), ("latents", "text")))
    assert everything.text_encoder is not None
    assert everything.diffusion.vae is not None
    assert latents.text_encoder is not None
    assert latents.diffusion.vae is None
    assert both.text_encoder is None
    assert both.diffusion.vae is None


def test_a_cache_gives_the_latents_and_the_text_that_the_models_give(world: Path) -> None:
    online, offline, batch = load(world), load(world, ("latents", "text")), tiny.batch(3, first=5)
    ready, draws = cached_batch(online, batch), Draws(0, batch["positions"])
    assert torch.equal(offline.latents(ready, draws), online.latents(batch, draws))
    assert torch.equal(offline.text(ready, connector()).features, online.text(batch, connector()).features)


def test_latents_are_drawn_by_position(world: Path) -> None:
    models, batch = load(world), tiny.batch(4)
    moments = cached_batch(models, batch)["moments"]
    noise = Draws(7, batch["positions"]).normal("latents", (4, 4, 4))
    latents = models.latents(batch, Draws(7, batch["positions"]))
    torch.testing.assert_close(latents, models.diffusion.space.sample(moments, noise))


def test_widths_that_do_not_fit_are_named_on_both_sides(world: Path) -> None:
    models = load(world)
    models.check_fit(connector())
    with pytest.raises(SettingsError, match=r"encoder gives 64 channels and the connector reads 48: set .*to 64"):
        models.check_fit(connector(text_width=48))
    with pytest.raises(SettingsError, match=r"connector gives 32 channels and the U-Net's .* 64: set .*to 64"):
        models.check_fit(connector(width=32))


def test_cached_text_of_another_width_is_refused(world: Path) -> None:
    models = load(world, ("latents", "text"))
    batch: Batch = {**tiny.batch(1), "text": TextFeatures(features=torch.zeros(1, 2, 48))}
    with pytest.raises(SettingsError, match="encoder gives 48 channels and the connector reads 64"):
        models.text(batch, connector())


def test_a_pooled_head_and_the_model_that_asks_for_it_go_together(world: Path, sdxl_folder: str) -> None:
    asking, not_asking = (load(world, ("text",), sdxl_folder, pooled=pooled) for pooled in ("connector", "zeros"))
    asking.check_fit(connector(pooled_width=tiny.POOLED_WIDTH))
    not_asking.check_fit(connector())
    load(world, ("text",), pooled="connector").check_fit(connector())  # SD1.5 reads none
    with pytest.raises(SettingsError, match=r"pooled_width is None and .* pooled: connector, asks for 24"):
        asking.check_fit(connector())
    with pytest.raises(SettingsError, match=r"pooled_width is 24 and .* pooled: zeros, asks for None"):
        not_asking.check_fit(connector(pooled_width=tiny.POOLED_WIDTH))


def test_sdxl_is_told_the_original_size_the_crop_and_the_size_it_is_trained_on(world: Path, sdxl_folder: str) -> None:
    models, batch = load(world, ("text",), sdxl_folder), tiny.batch(2)
    added = models.added_condition(batch, torch.zeros(2, 4, 4, 8), connector(), torch.zeros(2, 4, tiny.CONDITION_WIDTH))
    assert added["time_ids"].tolist() == [[48, 64, 0, 5, 32, 64]] * 2


def test_other_models_are_told_nothing(world: Path) -> None:
    assert load(world).added_condition(tiny.batch(2), torch.zeros(2, 4, 4, 4), connector(), torch.zeros(2, 4, 64)) == {}


def test_the_pooled_embedding_is_the_one_asked_for(world: Path, sdxl_folder: str) -> None:
    batch, latents, condition = tiny.batch(2), torch.zeros(2, 4, 4, 4), torch.randn(2, 4, tiny.CONDITION_WIDTH)
    with_head = connector(pooled_width=tiny.POOLED_WIDTH)
    assert with_head.pooled_head is not None
    torch.nn.init.normal_(with_head.pooled_head.weight)
    zeros, clip, head = (load(world, (), sdxl_folder, pooled=pooled) for pooled in ("zeros", "clip", "connector"))

    def pooled(models: FrozenModels, made_by: Connector) -> torch.Tensor:
        return models.added_condition(batch, latents, made_by, condition)["text_embeds"]

    assert torch.equal(pooled(zeros, connector()), torch.zeros(2, tiny.POOLED_WIDTH))
    assert clip.diffusion.pooled_encoder is not None
    assert torch.equal(pooled(clip, connector()), clip.diffusion.pooled_encoder(batch["captions"]))
    assert torch.equal(pooled(head, with_head), with_head.pooled(condition))


def test_clip_needs_captions(world: Path, sdxl_folder: str) -> None:
    with pytest.raises(SettingsError, match="with pooled: clip, reads captions, and the cache of text features leaves"):
        load(world, ("text",), sdxl_folder, pooled="clip")


def test_an_average_of_a_training_shares_them(world: Path) -> None:
    models = load(world, ("text",))
    assert copy.deepcopy({"frozen": models})["frozen"] is models


def test_they_move_together(world: Path) -> None:
    models = load(world)
    models.to(torch.device("meta"))
    assert models.text_encoder is not None
    moved = [*models.text_encoder.parameters(), *models.diffusion.parameters(), models.diffusion.schedule.signal]
    assert {tensor.device.type for tensor in moved} == {"meta"}
