"""How large the connector's gradient is."""

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from training.callbacks.log_steps import log_interval


class GradientNorm(Callback):
    """Logs `gradient_norm`: the Euclidean norm over all trained parameters, before any clipping."""

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Log the norm of the step that comes, if the loggers will write that step."""
        every = log_interval(trainer)
        if not every or (trainer.global_step + 1) % every:
            return
        gradients = [parameter.grad for parameter in pl_module.parameters() if parameter.grad is not None]
        pl_module.log("gradient_norm", torch.nn.utils.get_total_norm(gradients))
