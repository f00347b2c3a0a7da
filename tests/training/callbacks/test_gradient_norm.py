"""The gradient's norm in the log, against the gradients themselves."""

import math
from pathlib import Path

import pytest
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from tests.training.callbacks.fitting import fit, logged
from training.callbacks import GradientNorm


class Norms(Callback):
    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        gradients = [parameter.grad for parameter in pl_module.parameters() if parameter.grad is not None]
        self.seen.append(math.sqrt(sum((gradient.double() ** 2).sum().item() for gradient in gradients)))


def test_the_norm_of_the_whole_step_is_logged_before_it_is_clipped(world: Path, tmp_path: Path) -> None:
    norms = Norms()
    options = {"accumulate_grad_batches": 2, "log_every_n_steps": 2, "gradient_clip_val": 1e-6}
    fit(world, tmp_path, GradientNorm(), norms, max_steps=4, **options)
    assert len(norms.seen) == 4
    assert [row["gradient_norm"] for row in logged(tmp_path)] == pytest.approx(norms.seen[1::2], rel=1e-5)
