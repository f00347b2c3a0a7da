"""The guard against a loss that is no number: it stops the training, and says whose pairs they were."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from curation import storage


class NonFiniteLossError(ValueError):
    """The loss of a batch is NaN or infinite; the message names the file that lists its pairs."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What the training step gave for a batch, and its verdict on the way to the CPU."""

    batch: int
    losses: Tensor
    timesteps: Tensor
    sample_ids: list[str]
    finite: Tensor
    arrived: torch.cuda.Event | None

    @classmethod
    def begin(cls, batch: int, outputs: Mapping[str, Any]) -> "_Seen":
        """Start the copy of the verdict, and wait for nothing."""
        losses = outputs["losses"]
        finite = losses.isfinite().all().to("cpu", non_blocking=True)
        arrived = None
        if losses.is_cuda:
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record()
        sample_ids = list(outputs["sample_ids"])
        return cls(
            batch=batch, losses=losses, timesteps=outputs["timesteps"],
            sample_ids=sample_ids, finite=finite, arrived=arrived,
        )  # fmt: skip

    @property
    def is_finite(self) -> bool:
        """Whether every loss is a number; waits for that batch, and for no later one."""
        if self.arrived is not None:
            self.arrived.synchronize()
        return bool(self.finite)


class FiniteLoss(Callback):
    """Stops a training whose loss is NaN or infinite, with the batch's sample_ids in a file; no checkpoint after that.

    Each loss is looked at when the next batch is through, so that a GPU never waits for the answer, and at the
    latest before a checkpoint or the trained connector is written. The file is `nonfinite-rank<R>.json` in the
    trainer's root folder: the batch, and for each of its pairs the sample_id, the timestep and the loss.
    """

    def __init__(self) -> None:
        self._pending: _Seen | None = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look at the batch before this one, and keep this one for later.

        Raises:
            NonFiniteLossError: its loss is NaN or infinite, on this rank or another.
        """
        self._check(trainer)
        self._pending = _Seen.begin(batch_idx, outputs)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Look at the last batch now.

        Raises:
            NonFiniteLossError: its loss is NaN or infinite, so that the weights may be ruined.
        """
        self._check(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the last batch of all.

        Raises:
            NonFiniteLossError: its loss is NaN or infinite.
        """
        self._check(trainer)

    def _check(self, trainer: Trainer) -> None:
        seen, self._pending = self._pending, None
        bad = seen is not None and not seen.is_finite
        if not trainer.strategy.reduce_boolean_decision(bad, all=False):
            return
        if seen is None or not bad:
            raise NonFiniteLossError("the loss of another rank's batch is NaN or infinite; see its message")
        path = storage.join(trainer.default_root_dir, f"nonfinite-rank{trainer.global_rank}.json")
        storage.write_json(path, _report(seen))
        count = int((~seen.losses.isfinite()).sum())
        raise NonFiniteLossError(
            f"the loss of {count} of the {len(seen.losses)} pairs of batch {seen.batch} is NaN or infinite; expected "
            f"numbers. {path} lists the batch's sample_ids: look at these pairs (`ella inspect`), or lower "
            "model.learning_rate, and go on from the last checkpoint"
        )


def _report(seen: _Seen) -> dict[str, object]:
    pairs = zip(seen.sample_ids, seen.timesteps.tolist(), seen.losses.tolist(), strict=True)
    return {
        "batch": seen.batch,
        "pairs": [
            {"sample_id": sample_id, "timestep": timestep, "loss": str(loss)} for sample_id, timestep, loss in pairs
        ],
    }
