"""What a machine that is taken away leaves behind: SIGTERM saves a checkpoint and ends the training."""

import signal
import threading
from types import FrameType
from typing import Any

from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from curation import storage

PREEMPTED = 75
"""Exit code after SIGTERM: sysexits.h's EX_TEMPFAIL, which asks to try again later."""

CHECKPOINT = "last.ckpt"
"""The name under which Lightning looks for a checkpoint when it is told `--ckpt_path last`."""


class Preempted(SystemExit):
    """Training ended because of SIGTERM, with a checkpoint."""


class Preemption(Callback):
    """Saves `last.ckpt` at the end of the optimizer step in which SIGTERM comes, then exits with 75.

    It comes last among the callbacks, because what the others do at a step's end belongs into the checkpoint. Ranks
    agree at every step, since the signal may reach one alone, or all at different times. A validation that is under
    way, and the step after it, are finished first. Under SLURM with automatic requeueing Lightning's own handlers
    stay, which save and requeue on the signal that SLURM sends before.

    The checkpoint goes where the run's ModelCheckpoint writes, or to `checkpoints` in the trainer's root folder.
    """

    def __init__(self) -> None:
        self._asked = False
        self._step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the place of Lightning's handler, which would end the training without a checkpoint.

        The trainer itself puts the former handler back when it is torn down.
        """
        self._asked, self._step = trainer.received_sigterm, trainer.global_step  # it may have come while loading
        environment = trainer._accelerator_connector.cluster_environment  # what Lightning's own handlers go by
        requeued = isinstance(environment, SLURMEnvironment) and environment.auto_requeue
        if not requeued and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._ask)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Save and exit, if that was asked for and the batch ended an optimizer step.

        Raises:
            Preempted: the checkpoint is saved.
        """
        if trainer.global_step == self._step:
            return  # gradients still accumulate, and a checkpoint would lose them
        self._step = trainer.global_step
        if not trainer.strategy.reduce_boolean_decision(self._asked, all=False):
            return
        path = storage.join(_folder(trainer), CHECKPOINT)
        trainer.save_checkpoint(path)
        if trainer.is_global_zero:
            print(f"SIGTERM: saved {path} after step {trainer.global_step:,}; `--ckpt_path {path}` goes on from there")
        # A launcher that sees a child fail kills the others, so only the process that it started from says it.
        raise Preempted(PREEMPTED if trainer.local_rank == 0 else 0)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True


def _folder(trainer: Trainer) -> str:
    callback = trainer.checkpoint_callback
    if isinstance(callback, ModelCheckpoint) and callback.dirpath:
        return str(callback.dirpath)
    return storage.join(trainer.default_root_dir, "checkpoints")
