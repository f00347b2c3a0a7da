"""Training itself: what learns, what is drawn, what is saved."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from tests.training import tiny
from training.batch import Batch
from training.connectors import TimestepAwareSemanticConnector, load_connector
from training.diffusion import LatentDiffusion
from training.draws import Draws
from training.errors import SettingsError
from training.module import ConnectorTraining


class Pairs(IterableDataset[Batch]):
    """Batches without end, by position, from the one at `first` on."""

    def __init__(self, size: int, first: int = 0) -> None:
        self.size = size
        self.first = first

    def __iter__(self) -> Iterator[Batch]:
        return (tiny.batch(self.size, position) for position in itertools.count(self.first, self.size))


class Seen(Callback):
    """The batches and the outputs of all steps."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.outputs: list[Any] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.batches.append(batch)
        self.outputs.append(outputs)


def trainer(world: Path, steps: int, *callbacks: Callback, accumulate: int = 1, accelerator: str = "cpu") -> Trainer:
    return Trainer(
        accelerator=accelerator, devices=1, max_steps=steps, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=world,
        accumulate_grad_batches=accumulate, callbacks=list(callbacks),
    )  # fmt: skip


def fit(
    module: ConnectorTraining,
    world: Path,
    steps: int,
    *callbacks: Callback,
    size: int = 4,
    first: int = 0,
    accumulate: int = 1,
    checkpoint: Path | None = None,
) -> Trainer:
    fitter = trainer(world, steps, *callbacks, accumulate=accumulate)
    fitter.fit(module, DataLoader(Pairs(size, first), batch_size=None), ckpt_path=checkpoint, weights_only=True)
    return fitter


def loss(module: ConnectorTraining, batch: Batch) -> Tensor:
    """Of a step without a trainer."""
    module.configure_model()
    return module.diffuse(batch)["loss"]


def equal(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(tensor, other.state_dict()[key]) for key, tensor in one.state_dict().items())


def test_only_the_connector_learns(world: Path) -> None:
    module = tiny.build_training(world)
    module.configure_model()
    assert module.diffusion is not None
    assert module.text_encoder is not None
    models = nn.ModuleList([module.connector, module.diffusion, module.text_encoder])
    before = {name: parameter.detach().clone() for name, parameter in models.named_parameters()}
    fit(module, world, steps=1)
    changed = {name for name, parameter in models.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed == {f"0.{name}" for name, _ in module.connector.named_parameters()}
    assert len(changed) < len(before)


def test_the_backward_pass_reaches_no_frozen_weight(world: Path) -> None:
    module = tiny.build_training(world)
    reached, pending, seen = set(), [loss(module, tiny.batch(2)).grad_fn], set()
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            reached.add(node.variable.data_ptr())
        pending += [next_node for next_node, _ in node.next_functions]
    assert reached == {parameter.data_ptr() for parameter in module.connector.parameters()}


def test_frozen_models_stay_in_evaluation_mode(world: Path) -> None:
    module = tiny.build_training(world)
    fit(module, world, steps=1)
    module.train()
    assert module.connector.training
    assert module.text_encoder is not None
    assert module.diffusion is not None
    frozen = itertools.chain(module.text_encoder.modules(), module.diffusion.modules())
    assert not any(part.training for part in frozen)


def save_attentive_unet(folder: Path) -> None:
    """A U-Net loud enough in its attention and its output for a condition to say what it predicts."""
    torch.manual_seed(1)
    unet = UNet2DConditionModel(
        sample_size=2, in_channels=4, out_channels=4, block_out_channels=(32,), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",), up_block_types=("CrossAttnUpBlock2D",), mid_block_type=None,
        cross_attention_dim=tiny.CONDITION_WIDTH, attention_head_dim=4, norm_num_groups=4,
    )  # fmt: skip
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if name.endswith("weight") and ("attn2" in name or "proj_out" in name or "conv_out" in name):
                parameter.mul_(3)
    unet.save_pretrained(folder / "unet")


def test_eight_pairs_are_learnt_by_heart(world: Path, tmp_path: Path) -> None:
    folder = Path(tiny.save_diffusion(tmp_path))
    save_attentive_unet(folder)
    torch.manual_seed(0)
    connector = TimestepAwareSemanticConnector(
        tiny.TEXT_WIDTH, tiny.CONDITION_WIDTH, latents=16, depth=1, heads=4, time_channels=16
    )
    module = ConnectorTraining(
        connector,
        text_encoder=tiny.build_training(world).make_text_encoder,
        diffusion=lambda with_vae: LatentDiffusion(str(folder), with_vae=with_vae),
        learning_rate=2e-3,
    )
    batch = tiny.batch(8)
    batch["pixels"] = batch["pixels"][:, :, :16, :16]
    first, optimizer = loss(module, batch).item(), module.configure_optimizers()
    for _ in range(60):  # the positions, and so the noise and the timesteps, are the same every time
        step = loss(module, batch)
        if step < first / 10:
            break
        optimizer.zero_grad()
        step.backward()
        optimizer.step()
    assert step.item() < first / 10

    assert module.text_encoder is not None
    text = module.text_encoder(batch["captions"][:1]).features.expand(2, -1, -1)
    with torch.no_grad():
        early, late = connector(text, torch.tensor([50, 950]))
    assert (early - late).norm() > 0.1 * early.norm()  # four captions, each with two noises to tell by the timestep


def test_a_step_says_what_happened_to_each_pair(world: Path) -> None:
    module, seen = tiny.build_training(world, seed=3), Seen()
    fit(module, world, 2, seen, size=3)
    for batch, output in zip(seen.batches, seen.outputs, strict=True):
        assert output.keys() == {"loss", "losses", "timesteps", "sample_ids"}
        assert output["sample_ids"] == batch["sample_ids"]
        assert not output["losses"].requires_grad
        assert torch.equal(output["timesteps"], Draws(3, batch["positions"]).integers("timestep", 1000))
        torch.testing.assert_close(output["losses"].mean(), output["loss"].detach())


def test_the_loss_is_that_of_the_condition_from_text_and_timestep(world: Path) -> None:
    module, batch = tiny.build_training(world, seed=4), tiny.batch(2, first=9)
    got = loss(module, batch)
    assert module.frozen is not None
    assert module.text_encoder is not None
    draws = Draws(4, batch["positions"])
    latents, noise = module.frozen.latents(batch, draws), draws.normal("noise", (4, 4, 4))
    timesteps = draws.integers("timestep", 1000)
    condition = module.connector(module.text_encoder(batch["captions"]).features, timesteps)
    expected = module.frozen.diffusion.loss(latents, noise, timesteps, condition).mean()
    torch.testing.assert_close(got, expected)


def test_a_pair_has_its_loss_whatever_the_batch_and_whatever_was_drawn_before(world: Path) -> None:
    module = tiny.build_training(world)
    module.configure_model()
    whole = module.diffuse(tiny.batch(4, first=6))["losses"]
    torch.manual_seed(9)
    parts = [module.diffuse(tiny.batch(2, first=first))["losses"] for first in (6, 8)]
    torch.testing.assert_close(torch.cat(parts), whole)
    assert not torch.allclose(module.diffuse(tiny.batch(4, first=10))["losses"], whole)
    other = tiny.build_training(world, seed=1)
    other.configure_model()
    assert not torch.allclose(other.diffuse(tiny.batch(4, first=6))["losses"], whole)


def test_accumulated_batches_are_one_batch(world: Path) -> None:
    whole, parts = tiny.build_training(world), tiny.build_training(world)
    fit(whole, world, 2, size=4)
    fit(parts, world, 2, size=2, accumulate=2)
    for key, tensor in whole.connector.state_dict().items():
        torch.testing.assert_close(parts.connector.state_dict()[key], tensor, rtol=1e-4, atol=1e-5)


def test_captions_are_dropped_by_their_share_and_by_position(world: Path) -> None:
    seen, again = Seen(), Seen()
    fit(tiny.build_training(world, caption_dropout=0.5), world, 4, seen, size=8)
    fit(tiny.build_training(world, caption_dropout=0.5), world, 2, again, size=16)
    dropped = [not caption for batch in seen.batches for caption in batch["captions"]]
    assert 8 < sum(dropped) < 24
    assert dropped == [not caption for batch in again.batches for caption in batch["captions"]]
    keeping = Seen()
    fit(tiny.build_training(world, caption_dropout=0.0), world, 1, keeping, size=8)
    assert all(keeping.batches[0]["captions"])


def test_a_dropped_caption_trains_the_empty_one(world: Path) -> None:
    seen = Seen()
    fit(tiny.build_training(world, caption_dropout=1.0), world, 1, seen)
    empty: Batch = {**tiny.batch(4), "captions": [""] * 4}
    torch.testing.assert_close(seen.outputs[0]["loss"].detach(), loss(tiny.build_training(world), empty).detach())
    assert not torch.allclose(seen.outputs[0]["loss"], loss(tiny.build_training(world), tiny.batch(4)))


def test_min_snr_weights_the_loss_and_leaves_the_losses(world: Path) -> None:
    plain, weighted, batch = tiny.build_training(world), tiny.build_training(world, min_snr_gamma=5.0), tiny.batch(4)
    loss(plain, batch)
    loss(weighted, batch)
    before, after = plain.diffuse(batch), weighted.diffuse(batch)
    assert weighted.diffusion is not None
    weights = weighted.diffusion.schedule.min_snr_weights(after["timesteps"], 5.0)
    assert weights.min() < 1
    torch.testing.assert_close(after["losses"], before["losses"])
    torch.testing.assert_close(after["loss"], (weights * before["losses"]).mean())


def test_offset_noise_is_one_value_over_a_channel(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noises: list[Tensor] = []

    def watched(self: LatentDiffusion, latents: Tensor, noise: Tensor, *args: Any) -> Tensor:
        noises.append(noise)
        return original(self, latents, noise, *args)

    original = LatentDiffusion.loss
    monkeypatch.setattr(LatentDiffusion, "loss", watched)
    loss(tiny.build_training(world), tiny.batch(2))
    loss(tiny.build_training(world, offset_noise=0.1), tiny.batch(2))
    offset = (noises[1] - noises[0]) / 0.1
    torch.testing.assert_close(offset, offset[..., :1, :1].expand_as(offset), atol=1e-5, rtol=0)
    assert len(offset[..., 0, 0].unique()) == 8


def test_validation_is_the_same_every_time_and_drops_nothing(world: Path) -> None:
    module = tiny.build_training(world, caption_dropout=1.0)
    held_out = DataLoader([tiny.batch(2, first) for first in (0, 2)], batch_size=None)  # type: ignore[arg-type]
    losses = [trainer(world, 1).validate(module, held_out, verbose=False)[0]["validation_loss"] for _ in range(2)]
    assert losses[0] == losses[1] == pytest.approx(module.diffuse(tiny.batch(4))["loss"].item())


def test_the_optimizer_is_the_papers_and_holds_the_connector_alone(world: Path) -> None:
    module = tiny.build_training(world)
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


def test_every_way_to_save_gives_the_same_output(world: Path, tmp_path: Path) -> None:
    module = tiny.build_training(world)
    fit(module, world, steps=2).save_checkpoint(tmp_path / "last.ckpt")
    resumed = tiny.build_training(world)
    with torch.no_grad():
        for parameter in resumed.connector.parameters():
            parameter.zero_()
    fit(resumed, world, steps=2, checkpoint=tmp_path / "last.ckpt")
    path = module.connector.save_pretrained(str(tmp_path))
    connectors = [
        module.connector,
        resumed.connector,
        load_connector(path),
        TimestepAwareSemanticConnector.from_pretrained(path),
    ]
    text = torch.randn(2, 5, tiny.TEXT_WIDTH)
    outputs = [connector(text, torch.tensor([3, 900])) for connector in connectors]
    assert all(torch.equal(output, outputs[0]) for output in outputs)


def test_training_goes_on_from_a_checkpoint(world: Path, tmp_path: Path) -> None:
    straight, stopped, resumed = (tiny.build_training(world) for _ in range(3))
    fit(straight, world, steps=4)
    fit(stopped, world, steps=2).save_checkpoint(tmp_path / "last.ckpt")
    assert fit(resumed, world, steps=4, first=8, checkpoint=tmp_path / "last.ckpt").global_step == 4
    assert equal(resumed.connector, straight.connector)


def test_an_average_is_kept_saved_and_resumed_for_the_connector_alone(world: Path, tmp_path: Path) -> None:
    def average() -> EMAWeightAveraging:
        return EMAWeightAveraging(decay=0.5)

    plain, straight, stopped, resumed = (tiny.build_training(world, learning_rate=0.1) for _ in range(4))
    start = {key: tensor.clone() for key, tensor in plain.connector.state_dict().items()}
    steps = Weights()
    fit(plain, world, 4, steps)
    fit(straight, world, 4, average())
    averaged = steps.values[0]  # the average begins with the weights after the first step
    for weights in steps.values[1:]:
        averaged = {key: 0.5 * averaged[key] + 0.5 * tensor for key, tensor in weights.items()}
    for key, tensor in straight.connector.state_dict().items():
        torch.testing.assert_close(tensor, averaged[key])
        assert not torch.equal(tensor, start[key])

    fit(stopped, world, 2, SaveAtTheEnd(tmp_path / "last.ckpt"), average())
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    for name in ("state_dict", "current_model_state"):
        assert saved[name].keys() == {f"connector.{key}" for key in start}
    fit(resumed, world, 4, average(), first=8, checkpoint=tmp_path / "last.ckpt")
    assert equal(resumed.connector, straight.connector)


class Weights(Callback):
    """The connector's weights after every step."""

    def __init__(self) -> None:
        self.values: list[dict[str, Tensor]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        assert isinstance(pl_module, ConnectorTraining)
        self.values.append({key: tensor.clone() for key, tensor in pl_module.connector.state_dict().items()})


class SaveAtTheEnd(Callback):
    """A checkpoint of the last step, while the training still stands."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.save_checkpoint(self.path)


def test_a_checkpoint_of_another_connector_is_refused(world: Path) -> None:
    module = tiny.build_training(world)
    with pytest.raises(RuntimeError, match="Missing key"):
        module.load_state_dict({"connector.connector.latents": torch.zeros(4, tiny.CONDITION_WIDTH)})


def test_nothing_is_loaded_before_training_begins() -> None:
    module = tiny.build_training(Path("nowhere"))
    assert module.text_encoder is None
    assert module.diffusion is None
    with pytest.raises(SettingsError, match="text encoder 'nowhere/models/t5'"):
        module.configure_model()


def test_the_frozen_models_are_loaded_once(world: Path) -> None:
    module = tiny.build_training(world)
    module.configure_model()
    encoder = module.text_encoder
    module.configure_model()
    assert module.text_encoder is encoder


class CachedPairs(LightningDataModule):
    """Pairs as caches give them: moments and features."""

    cached = frozenset({"latents", "text"})

    def __init__(self, world: Path) -> None:
        super().__init__()
        online = tiny.build_training(world)
        online.configure_model()
        assert online.diffusion is not None
        assert online.diffusion.vae is not None
        assert online.text_encoder is not None
        self._vae, self._encoder = online.diffusion.vae, online.text_encoder

    def train_dataloader(self) -> DataLoader[Batch]:
        return DataLoader([self._cached(tiny.batch(4, first)) for first in (0, 4)], batch_size=None)  # type: ignore[arg-type]

    def _cached(self, batch: Batch) -> Batch:
        return Batch(
            sample_ids=batch["sample_ids"],
            positions=batch["positions"],
            sizes=batch["sizes"],
            crops=batch["crops"],
            moments=self._vae.moments(batch["pixels"]),
            text=self._encoder(batch["captions"]),
            empty_text=self._encoder([""]),
        )


def test_training_from_caches_loads_less_and_learns_the_same(world: Path) -> None:
    online, cached = (tiny.build_training(world, caption_dropout=0.5) for _ in range(2))
    fit(online, world, steps=2)
    trainer(world, 2).fit(cached, CachedPairs(world))
    assert cached.text_encoder is None
    assert cached.diffusion is not None
    assert cached.diffusion.vae is None
    for key, tensor in online.connector.state_dict().items():
        torch.testing.assert_close(cached.connector.state_dict()[key], tensor, rtol=1e-4, atol=1e-6)


if torch.cuda.is_available():

    def test_a_gpu_sees_the_losses_that_the_cpu_sees(world: Path) -> None:
        here, there = Seen(), Seen()
        pairs = DataLoader(Pairs(4), batch_size=None)
        trainer(world, 2, here).fit(tiny.build_training(world), pairs)
        trainer(world, 2, there, accelerator="gpu").fit(tiny.build_training(world), pairs)
        for one, other in zip(here.outputs, there.outputs, strict=True):
            assert other["losses"].is_cuda
            assert torch.equal(other["timesteps"].cpu(), one["timesteps"])
            torch.testing.assert_close(other["losses"].cpu(), one["losses"], rtol=1e-2, atol=1e-3)
