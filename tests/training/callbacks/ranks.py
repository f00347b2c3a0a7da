"""Trainings on two ranks, forked from a process that has imported everything once and started no threads.

`python -m tests.training.callbacks.ranks WORLD FOLDER` runs them all; each leaves its files in FOLDER/NAME, and how it
ended in FOLDER/NAME/end.json. Nothing is asserted here.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.multiprocessing import ProcessExitedException, ProcessRaisedException

from tests.training.callbacks.fitting import Witness, fit
from training.callbacks import FiniteLoss, LossByTimestep, PeakMemory, Preemption
from training.callbacks.peak_memory import GIB


class SavedWitness(Witness):
    """Leaves what each rank saw in a file."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pairs = [(step["timesteps"], step["losses"]) for step in self.outputs]
        torch.save(pairs, self.folder / f"seen{trainer.global_rank}.pt")


class Poison(Callback):
    """Makes the connector give NaN from one batch on, on one rank."""

    def __init__(self, batch: int, rank: int = 0) -> None:
        self.batch, self.rank = batch, rank

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if batch_idx == self.batch and trainer.global_rank == self.rank:
            with torch.no_grad():
                next(pl_module.parameters()).fill_(float("nan"))


class Terminate(Callback):
    """Sends SIGTERM to one rank while it works on one batch."""

    def __init__(self, batch: int, rank: int = 0) -> None:
        self.batch, self.rank = batch, rank

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Any) -> None:
        if trainer.fit_loop.total_batch_idx == self.batch and trainer.global_rank == self.rank:
            os.kill(os.getpid(), signal.SIGTERM)


class RankMemory(PeakMemory):
    """Takes it that rank 0 has had 3 GiB and rank 1 4 GiB."""

    def peak(self, device: torch.device) -> int:
        return (3 + torch.distributed.get_rank()) * GIB


def run(world: Path, folder: Path, callbacks: list[Callback], steps: int) -> None:
    """One training, and how it ended."""
    end: dict[str, Any] = {"exit_code": 0, "error": ""}
    try:
        fit(world, folder, *callbacks, max_steps=steps, devices=2, strategy="ddp_fork")
    except ProcessExitedException as error:
        end["exit_code"] = error.exit_code
    except ProcessRaisedException as error:
        end["error"] = str(error)
    (folder / "end.json").write_text(json.dumps(end))


def main(world: Path, folder: Path) -> None:
    """All of them."""
    torch.set_num_threads(1)
    folders = {name: folder / name for name in ("losses", "memory", "poison", "terminate")}
    for each in folders.values():
        each.mkdir()
    run(world, folders["losses"], [LossByTimestep(buckets=4), SavedWitness(folders["losses"])], steps=2)
    run(world, folders["memory"], [RankMemory()], steps=1)
    run(world, folders["poison"], [Poison(batch=1, rank=1), FiniteLoss()], steps=50)
    run(world, folders["terminate"], [Terminate(batch=1, rank=1), Preemption()], steps=50)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
