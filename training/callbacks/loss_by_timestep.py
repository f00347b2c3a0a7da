"""The loss over the noise: where on the way from noise to image the connector gets better."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from training.callbacks.log_steps import LogSteps


class LossByTimestep(Callback):
    """Logs `loss_by_timestep/000-099` and its like: the mean loss of each range of timesteps.

    A mean is over all pairs that the ranks saw since the loggers last wrote; a range that met none keeps its last.

    Args:
        buckets: ranges of equal width.
        timesteps: of the noise schedule.
    """

    def __init__(self, buckets: int = 10, timesteps: int = 1000) -> None:
        self._buckets = buckets
        self._timesteps = timesteps
        self._names = [_name(bucket, buckets, timesteps) for bucket in range(buckets)]
        self._sums = torch.zeros(2, buckets)  # of losses, and how many
        self._steps = LogSteps()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with nothing."""
        self._sums = torch.zeros(2, self._buckets, device=pl_module.device)
        self._steps.start(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Add the batch's losses; log where the loggers write."""
        self._sums += self._sort(outputs["losses"], outputs["timesteps"])
        if not self._steps.due(trainer):
            return
        losses, counts = trainer.strategy.reduce(self._sums.clone(), reduce_op="sum").tolist()
        self._sums.zero_()
        for name, loss, count in zip(self._names, losses, counts, strict=True):
            if count:
                pl_module.log(name, loss / count)

    def _sort(self, losses: Tensor, timesteps: Tensor) -> Tensor:
        """Sums and counts (2, buckets) of losses (B,) at timesteps (B,)."""
        bucket = timesteps.long() * self._buckets // self._timesteps
        values = torch.stack([losses, torch.ones_like(losses)]).to(self._sums)  # (2, B)
        return torch.zeros_like(self._sums).index_add_(1, bucket, values)


def _name(bucket: int, buckets: int, timesteps: int) -> str:
    first, end = (-(-edge * timesteps // buckets) for edge in (bucket, bucket + 1))
    digits = len(str(timesteps - 1))
    return f"loss_by_timestep/{first:0{digits}}-{end - 1:0{digits}}"
