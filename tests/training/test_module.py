"""Training itself: what learns, what is drawn, what is saved."""

import itertools
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor

from tests.training import tiny
from training.connectors import TimestepAwareSemanticConnector
from training.data import Batch, TrainingPairs
from training.errors import SettingsError
from training.module import ConnectorTraining, drop_captions, step_generator


def fit(module: ConnectorTraining, world: Path, steps: int, checkpoint: str | None = None) -> Trainer:
    trainer = Trainer(
        accelerator="cpu", devices=1, max_steps=steps, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=world,
    )  # fmt: skip
    data = TrainingPairs(str(world / "training"), batch_size=4, resolution=32)
    trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    return trainer


def batch_of(world: Path, size: int) -> Batch:
    data = TrainingPairs(str(world / "training"), batch_size=size, resolution=32)
    data.setup("fit")
    batch: Batch = next(iter(data.train_dataloader()))
    return batch


def step(module: ConnectorTraining, batch: Batch, number: int = 0) -> Tensor:
    """A training step without a trainer, which `log` would ask for."""
    module.configure_model()
    module.log = lambda *_, **__: None  # type: ignore[method-assign]
    return module.training_step(batch, number)


def test_only_the_connector_learns(world: Path) -> None:
    module = tiny.build_training(world)
    module.configure_model()
    before = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
    fit(module, world, steps=1)
    changed = {name for name, parameter in module.named_parameters() if not torch.equal(parameter, before[name])}
    learning = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    assert learning == {f"connector.{name}" for name, _ in module.connector.named_parameters()}
    assert changed == learning


def test_no_frozen_parameter_ever_gets_a_gradient(world: Path) -> None:
    module = tiny.build_training(world)
    step(module, batch_of(world, 4)).backward()
    with_gradient = {name for name, parameter in module.named_parameters() if parameter.grad is not None}
    assert with_gradient == {f"connector.{name}" for name, _ in module.connector.named_parameters()}
    assert len(with_gradient) < len(list(module.parameters()))


def test_frozen_parts_stay_in_evaluation_mode(world: Path) -> None:
    module = tiny.build_training(world)
    fit(module, world, steps=1)
    module.train()
    assert module.connector.training
    assert module.text_encoder is not None
    assert module.diffusion is not None
    frozen = itertools.chain(module.text_encoder.modules(), module.diffusion.modules())
    assert not any(part.training for part in frozen)


def test_the_loss_falls_on_eight_pairs(world: Path) -> None:
    module = tiny.build_training(world, learning_rate=3e-3, caption_dropout=0.0)
    batch = batch_of(world, 8)
    optimizer = module.configure_optimizers()
    losses = []
    for _ in range(40):
        loss = step(module, batch)  # the same draws every time: the pairs can be learnt by heart
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_a_step_depends_on_its_place_and_not_on_chance(world: Path) -> None:
    module, batch = tiny.build_training(world), batch_of(world, 4)
    losses = []
    for seed, number in ((1, 0), (2, 0), (2, 1)):
        torch.manual_seed(seed)
        losses.append(step(module, batch, number).item())
    assert losses[0] == losses[1] != losses[2]
    assert step(tiny.build_training(world, seed=9), batch).item() != losses[0]


def test_ranks_draw_for_themselves(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, batch = tiny.build_training(world), batch_of(world, 4)
    first = step(module, batch).item()
    monkeypatch.setattr(ConnectorTraining, "global_rank", 1)
    assert step(module, batch).item() != first


def test_the_loss_is_that_of_the_condition_from_text_and_timestep(world: Path) -> None:
    module, batch = tiny.build_training(world, caption_dropout=0.0, seed=4), batch_of(world, 2)
    loss = step(module, batch, number=3)
    assert module.text_encoder is not None
    assert module.diffusion is not None
    generator = step_generator(4, 0, 3, 0)
    torch.rand(2, generator=generator)
    latents = module.diffusion.encode(batch["pixels"], generator)
    noise = torch.randn(latents.shape, generator=generator)
    timesteps = torch.randint(1000, (2,), generator=generator)
    condition = module.connector(module.text_encoder(batch["captions"]), timesteps)
    torch.testing.assert_close(loss, module.diffusion.loss(latents, noise, timesteps, condition))


def test_every_place_has_draws_of_its_own() -> None:
    places = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (0, 0, 11, 0), (0, 0, 1, 1)]
    draws = {torch.rand(1, generator=step_generator(*place)).item() for place in places}
    assert len(draws) == len(places)


def test_captions_are_dropped_by_their_share() -> None:
    captions = [f"caption {number}" for number in range(2000)]
    dropped = drop_captions(captions, 0.1, torch.Generator().manual_seed(0))
    assert 150 < dropped.count("") < 250
    assert all(new in ("", old) for old, new in zip(captions, dropped, strict=True))
    assert dropped == drop_captions(captions, 0.1, torch.Generator().manual_seed(0))
    assert drop_captions(captions, 0.0, torch.Generator()) == captions
    assert set(drop_captions(captions, 1.0, torch.Generator())) == {""}


def test_dropped_captions_train_the_empty_caption(world: Path) -> None:
    batch = batch_of(world, 4)
    empty = Batch(pixels=batch["pixels"], captions=[""] * 4, sample_ids=batch["sample_ids"])
    dropping, keeping = (tiny.build_training(world, caption_dropout=share) for share in (1.0, 0.0))
    assert torch.equal(step(dropping, batch), step(keeping, empty))
    assert not torch.equal(step(keeping, batch), step(keeping, empty))


def test_the_optimizer_is_the_papers_and_holds_the_connector_alone(world: Path) -> None:
    module = tiny.build_training(world)
    module.configure_model()
    optimizer = module.configure_optimizers()
    assert optimizer.param_groups[0]["params"] == list(module.connector.parameters())
    assert isinstance(optimizer, torch.optim.AdamW)
    assert (optimizer.defaults["lr"], optimizer.defaults["weight_decay"]) == (1e-4, 0.01)


def test_a_checkpoint_holds_the_connector_alone(world: Path, tmp_path: Path) -> None:
    module = tiny.build_training(world)
    fit(module, world, steps=2).save_checkpoint(tmp_path / "last.ckpt")
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert saved["state_dict"].keys() == {f"connector.{key}" for key in module.connector.state_dict()}
    assert len(saved["optimizer_states"][0]["state"]) == len(list(module.connector.parameters()))


def test_training_goes_on_from_a_checkpoint(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tiny.build_training(world)
    fit(module, world, steps=2).save_checkpoint(tmp_path / "last.ckpt")
    resumed, batches, starts = tiny.build_training(world), list[int](), list[dict[str, Tensor]]()

    def watched(batch: Batch, batch_idx: int) -> Tensor:
        batches.append(batch_idx)
        starts.append({key: tensor.clone() for key, tensor in resumed.connector.state_dict().items()})
        return ConnectorTraining.training_step(resumed, batch, batch_idx)

    monkeypatch.setattr(resumed, "training_step", watched)
    assert fit(resumed, world, steps=4, checkpoint=str(tmp_path / "last.ckpt")).global_step == 4
    assert batches == [2, 3]
    for key, tensor in module.connector.state_dict().items():
        assert torch.equal(starts[0][key], tensor)


def test_a_checkpoint_of_another_connector_is_refused(world: Path) -> None:
    module = tiny.build_training(world)
    with pytest.raises(RuntimeError, match="Missing key"):
        module.load_state_dict({"connector.connector.latents": torch.zeros(4, tiny.CONDITION_WIDTH)})


def test_nothing_is_loaded_before_training_begins() -> None:
    module = tiny.build_training(Path("nowhere"))
    assert module.text_encoder is None
    with pytest.raises(SettingsError, match="text encoder 'nowhere/models/t5'"):
        module.configure_model()


def test_the_frozen_parts_are_loaded_once(world: Path) -> None:
    module = tiny.build_training(world)
    module.configure_model()
    encoder = module.text_encoder
    module.configure_model()
    assert module.text_encoder is encoder


def test_widths_that_do_not_fit_are_named_on_both_sides(world: Path) -> None:
    module = tiny.build_training(world)
    module.connector = TimestepAwareSemanticConnector(text_width=48, width=tiny.CONDITION_WIDTH, depth=1)
    with pytest.raises(SettingsError, match=r"encoder gives 64 channels and the connector reads 48: set .*to 64"):
        module.configure_model()
    module = tiny.build_training(world)
    module.connector = TimestepAwareSemanticConnector(text_width=tiny.TEXT_WIDTH, width=32, depth=1)
    with pytest.raises(SettingsError, match=r"connector gives 32 channels and the U-Net's .* 64: set .*to 64"):
        module.configure_model()
