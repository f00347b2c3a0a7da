"""How fast training is, and how much of the device's arithmetic it uses."""

import time
from contextlib import ExitStack
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.utils.flop_counter import FlopCounterMode

from training.accelerators import peak_tflops
from training.callbacks.log_steps import LogSteps

TERA = 1e12


class Throughput(Callback):
    """Logs `samples_per_second` of all ranks and, where the device's peak is known, `share_of_peak`.

    The arithmetic of a pair is counted once, on the first batch: every matrix product, convolution and attention of
    its forward and backward pass, frozen models included. Without the first batch and without validations, the rate
    is over the time since the loggers last wrote.

    Args:
        peak: TFLOP/s of one device; None looks its name up, and leaves the share out where the name is not known.
    """

    def __init__(self, peak: float | None = None) -> None:
        self._given_peak = peak
        self._peak: float | None = None
        self._tflop: float | None = None  # of one pair
        self._counting: tuple[FlopCounterMode, ExitStack] | None = None
        self._samples = 0
        self._since: float | None = None
        self._paused = 0.0
        self._steps = LogSteps()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find the device's peak, and begin."""
        self._peak = self._given_peak or _known_peak(torch.device(pl_module.device))
        self._samples, self._since, self._tflop = 0, None, None
        self._steps.start(trainer)

    def on_train_batch_start(self, *_: object) -> None:
        """Begin to count the first batch's arithmetic."""
        if self._peak is None or self._tflop is not None:
            return
        stack = ExitStack()
        stack.callback(torch.compiler.set_stance, "default")
        torch.compiler.set_stance("force_eager")  # fused kernels cannot be counted
        self._counting = (stack.enter_context(FlopCounterMode(display=False)), stack)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch; log where the loggers write."""
        pairs = len(outputs["sample_ids"])
        self._stop_counting(pairs)
        due = self._steps.due(trainer)
        if self._since is None:  # the first batch warms up, and counting slows it
            self._since = time.perf_counter()
            return
        self._samples += pairs
        if not due:
            return
        now = time.perf_counter()
        rate = self._samples / (now - self._since)  # of this rank; the others keep step
        pl_module.log("samples_per_second", rate * trainer.world_size)
        if self._peak is not None and self._tflop is not None:
            pl_module.log("share_of_peak", rate * self._tflop / self._peak)
        self._samples, self._since = 0, now

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember when a validation begins."""
        self._paused = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the validation's time out."""
        if self._since is not None:
            self._since += time.perf_counter() - self._paused

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave no counter behind when the first batch fails."""
        self._stop_counting(1)

    def _stop_counting(self, pairs: int) -> None:
        if self._counting is None:
            return
        counter, stack = self._counting
        self._counting = None
        stack.close()
        self._tflop = counter.get_total_flops() / pairs / TERA


def _known_peak(device: torch.device) -> float | None:
    return peak_tflops(torch.cuda.get_device_name(device)) if device.type == "cuda" else None
