"""How much memory training takes at most."""

import resource
import sys

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from training.callbacks.log_steps import LogSteps

GIB = 2**30


class PeakMemory(Callback):
    """Logs `peak_memory_gib`, the most of any rank so far: tensors on a GPU, else the process's resident memory."""

    def __init__(self) -> None:
        self._steps = LogSteps()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin where training stands."""
        self._steps.start(trainer)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        """Log where the loggers write."""
        if not self._steps.due(trainer):
            return
        device = torch.device(pl_module.device)
        here = torch.tensor(self.peak(device) / GIB, device=device)
        pl_module.log("peak_memory_gib", trainer.strategy.reduce(here, reduce_op="max"))

    def peak(self, device: torch.device) -> int:
        """Bytes that this process had at most."""
        if device.type == "cuda":
            return torch.cuda.max_memory_allocated(device)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024  # kilobytes elsewhere
