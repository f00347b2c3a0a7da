"""Ways to train that must come to the same: accumulated and large batches, resumed and undisturbed averages."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import SGD, Optimizer

from tests.training import tiny
from tests.training.callbacks.fitting import make_trainer
from tests.training.test_fit import QUICKSTART
from training.cli import main
from training.connectors.checkpoint import read_checkpoint
from training.data import TrainingPairs
from training.module import ConnectorTraining


class Gradients(Callback):
    """Remembers the gradient of every optimizer step."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Tensor]] = []

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        named = pl_module.named_parameters()
        self.steps.append({name: weight.grad.clone() for name, weight in named if weight.grad is not None})


def gradients(world: Path, folder: Path, batch_size: int, accumulate: int) -> list[dict[str, Tensor]]:
    seen = Gradients()
    trainer = make_trainer(folder, seen, max_steps=3, accumulate_grad_batches=accumulate)
    trainer.fit(tiny.build_training(world), TrainingPairs(str(world / "training"), batch_size, resolution=32))
    return seen.steps


def test_accumulated_batches_are_one_large_batch(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Adam divides by the gradient's own size, which would blow up the rounding where it is next to nothing.
    monkeypatch.setattr(
        ConnectorTraining, "configure_optimizers", lambda self: SGD(self.connector.parameters(), lr=0.1)
    )
    whole, parts = gradients(world, tmp_path, 8, 1), gradients(world, tmp_path, 2, 4)
    assert len(whole) == len(parts) == 3
    for one, other in zip(whole, parts, strict=True):
        assert one.keys() == other.keys()
        largest = max(float(gradient.abs().max()) for gradient in one.values())
        for name, gradient in one.items():
            torch.testing.assert_close(other[name], gradient, rtol=1e-4, atol=1e-6 * largest)


def averaged(tmp_path: Path) -> str:
    """The quickstart with checkpoints and an average of the weights, as YAML names it."""
    config = yaml.safe_load(Path(QUICKSTART).read_text())
    callbacks: list[dict[str, Any]] = [
        {"class_path": "lightning.pytorch.callbacks.EMAWeightAveraging", "init_args": {"decay": 0.5}},
        {
            "class_path": "lightning.pytorch.callbacks.ModelCheckpoint",
            "init_args": {"dirpath": "${dir}/checkpoints", "save_last": True, "every_n_train_steps": 1},
        },
    ]
    config["trainer"] |= {"callbacks": callbacks, "enable_checkpointing": True}
    (tmp_path / "averaged.yaml").write_text(yaml.safe_dump(config))
    return str(tmp_path / "averaged.yaml")


def test_a_resumed_average_is_that_of_an_undisturbed_training(tmp_path: Path) -> None:
    def train(name: str, config: str, *options: str) -> dict[str, Tensor]:
        folder = tmp_path / name
        if not folder.exists():
            tiny.save_world(folder)
        main(["fit", "--config", config, "--dir", str(folder), "--trainer.enable_progress_bar", "false", *options])
        return read_checkpoint(str(folder / "connector"))[0]

    config = averaged(tmp_path)
    undisturbed = train("one", config, "--trainer.max_steps", "4")
    train("two", config, "--trainer.max_steps", "2")
    resumed = train("two", config, "--trainer.max_steps", "4", "--ckpt_path", "last")
    plain = train("one", QUICKSTART, "--trainer.max_steps", "4")
    assert all(torch.equal(resumed[name], weight) for name, weight in undisturbed.items())
    assert any(not torch.equal(plain[name], weight) for name, weight in undisturbed.items())

    saved = torch.load(tmp_path / "two" / "checkpoints" / "last.ckpt", weights_only=True)
    for weights in ("state_dict", "current_model_state"):
        assert saved[weights].keys() == {f"connector.{name}" for name in undisturbed}
    assert all(torch.equal(saved["state_dict"][f"connector.{name}"], weight) for name, weight in resumed.items())
    assert all(torch.equal(saved["current_model_state"][f"connector.{name}"], plain[name]) for name in plain)
