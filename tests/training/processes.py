"""Trainings in processes of their own, forked from one that has imported everything once.

`python -m tests.training.processes FOLDER` runs them all, and leaves what every step of every rank saw in FOLDER.
Nothing is asserted here: `test_promises.py` reads what is left.
"""

import json
import multiprocessing
import os
import random
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer

from tests.training import tiny
from tests.training.shards import write_set
from training.callbacks.preemption import CHECKPOINT, Preemption
from training.data import TrainingPairs

COUNTS = [31, 9, 20]
"""Pairs in each shard: uneven, and fewer shards than readers."""

PREEMPTIONS = 20
DEADLINE = 120.0
"""Seconds after which a training is taken to hang."""

Step = dict[str, Any]
"""One rank's share of one optimizer step: its number, sample_ids and losses."""


class Record(Callback):
    """Appends a line for every step to a file, which a killed process leaves as far as it came."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_batch_end(self, trainer: Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        line = {"step": trainer.global_step, "ids": outputs["sample_ids"], "losses": outputs["losses"].tolist()}
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")


class SaveAt(Callback):
    """Saves a checkpoint at the end of one step, as ModelCheckpoint does."""

    def __init__(self, step: int, path: Path) -> None:
        self._step, self._path = step, path

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self._step:
            trainer.save_checkpoint(self._path)


def train(
    folder: Path, name: str, rank: int, ranks: int, *, batch_size: int, steps: int, save: int, start: Path | None,
    workers: int, accumulate: int,
) -> None:  # fmt: skip
    """Train as one rank of several; a step's record, a checkpoint and the trained connector have `name` in theirs."""
    callbacks = [Record(folder / f"{name}-{rank}.jsonl"), SaveAt(save, folder / f"{name}.ckpt"), Preemption()]
    trainer = Trainer(
        accelerator="cpu", devices=ranks, strategy="ddp" if ranks > 1 else "auto", max_steps=steps,
        accumulate_grad_batches=accumulate, callbacks=callbacks, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder / name,
    )  # fmt: skip
    data = TrainingPairs(
        str(folder / "world" / "training"), batch_size=batch_size, resolution=16, shuffle_shards=2, crop="random",
        num_workers=workers, seed=5,
    )  # fmt: skip
    module = tiny.build_training(folder / "world", seed=5)
    trainer.fit(module, data, ckpt_path=start, weights_only=True)
    if rank == 0:
        torch.save(module.connector.state_dict(), folder / f"{name}.pt")


def begin(folder: Path, name: str, ranks: int = 1, **options: Any) -> list[Any]:
    """Start the processes of a training."""
    settings = {"batch_size": 3, "steps": 1, "save": -1, "start": None, "workers": 0, "accumulate": 1, **options}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(rank: int) -> None:
        if ranks > 1:  # what a launcher such as torchrun or Slurm would say
            place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "LOCAL_RANK": rank, "NODE_RANK": 0}
            os.environ.update({key: str(value) for key, value in place.items()})
        train(folder, name, rank, ranks, **settings)

    processes = [multiprocessing.get_context("fork").Process(target=run, args=(rank,)) for rank in range(ranks)]
    for process in processes:
        process.start()
    return processes


def end(processes: list[Any]) -> list[int | None]:
    """Wait for the processes of a training; gives their exit codes, None for one that hung and was killed."""
    deadline = time.monotonic() + DEADLINE
    codes = []
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        codes.append(process.exitcode)
        if process.exitcode is None:
            process.kill()
            process.join()
    return codes


def preempt(folder: Path) -> list[Step]:
    """Send SIGTERM at random moments, each time to the training that went on from the last checkpoint."""
    moments, told = random.Random(0), []
    checkpoint = folder / "preempted" / "checkpoints" / CHECKPOINT
    record = folder / "preempted-0.jsonl"
    for _ in range(PREEMPTIONS):
        before = record.stat().st_size if record.exists() else 0
        start = checkpoint if checkpoint.exists() else None
        [process] = begin(folder, "preempted", steps=100_000, start=start)
        if moments.random() < 0.8:  # else while it starts
            wait_for_a_step(process, record, before)
        time.sleep(moments.random() * 0.2)
        os.kill(process.pid, signal.SIGTERM)
        [code] = end([process])
        lines = record.read_text().splitlines() if record.exists() else []
        saved = torch.load(checkpoint, weights_only=True)["global_step"] if checkpoint.exists() else 0
        told.append({"code": code, "trained": json.loads(lines[-1])["step"] if lines else 0, "saved": saved})
    return told


def preempt_one_of_two(folder: Path) -> list[int | None]:
    """Send SIGTERM to the second of two ranks alone."""
    processes = begin(folder, "signalled", ranks=2, steps=100_000)
    wait_for_a_step(processes[1], folder / "signalled-1.jsonl", 0)
    os.kill(processes[1].pid, signal.SIGTERM)
    return end(processes)


def wait_for_a_step(process: Any, record: Path, size: int) -> None:
    """Wait until a record has grown beyond `size` bytes, or the process is gone."""
    while process.is_alive() and (not record.exists() or record.stat().st_size <= size):
        time.sleep(0.005)


def main(folder: Path) -> None:
    """Run every training that the promises speak of."""
    torch.set_num_threads(1)
    tiny.save_text_encoder(folder / "world" / "models" / "t5")
    tiny.save_diffusion(folder / "world" / "models" / "stable-diffusion")
    ids = write_set(folder / "world" / "training", COUNTS)
    codes = {}

    def finish(name: str, **options: Any) -> None:
        codes[name] = end(begin(folder, name, **options))

    finish("whole", steps=57, save=7)
    finish("resumed", steps=57, start=folder / "whole.ckpt", workers=2)
    finish("one", steps=4, save=4)
    finish("two", ranks=2, steps=8, save=8, start=folder / "one.ckpt", workers=4)
    finish("four", ranks=4, steps=10, start=folder / "two.ckpt")
    finish("double", steps=8, batch_size=6)
    finish("pair", ranks=2, steps=8, batch_size=3)
    finish("accumulating", steps=8, batch_size=3, accumulate=2, start=None)
    finish("other-accumulation", steps=10, batch_size=3, accumulate=2, start=folder / "whole.ckpt")
    codes["signalled"] = preempt_one_of_two(folder)
    told = preempt(folder)
    (folder / "told.json").write_text(json.dumps({"ids": ids, "codes": codes, "preemptions": told}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
