"""SIGTERM: a checkpoint of whole steps, a code of its own, and training goes on from there."""

import json
import multiprocessing
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint

from tests.training import tiny
from tests.training.callbacks.fitting import Witness, fit, make_trainer
from tests.training.callbacks.ranks import Terminate
from training.callbacks import Preempted, Preemption, SaveConnector
from training.data import TrainingPairs


def load(path: Path) -> dict[str, Any]:
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True)
    return checkpoint


def test_the_step_in_flight_is_finished_saved_and_the_process_exits_with_75(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handler, witness = signal.getsignal(signal.SIGTERM), Witness()
    callbacks = (Terminate(batch=2), witness, SaveConnector(str(tmp_path)), Preemption())
    with pytest.raises(Preempted) as exit_:
        fit(world, tmp_path, *callbacks, max_steps=9, accumulate_grad_batches=2)
    assert exit_.value.code == 75
    assert len(witness.outputs) == 4
    path = tmp_path / "checkpoints" / "last.ckpt"
    assert load(path)["global_step"] == 2
    assert f"saved {path} after step 2" in capsys.readouterr().out
    assert not (tmp_path / "connector.safetensors").exists()
    assert signal.getsignal(signal.SIGTERM) == handler


def test_the_checkpoint_stands_where_the_others_are_and_training_goes_on(world: Path, tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path / "kept", every_n_train_steps=100, save_last=True)
    with pytest.raises(Preempted):
        fit(world, tmp_path, Terminate(batch=1), keep, Preemption(), max_steps=4, enable_checkpointing=True)
    saved = load(tmp_path / "kept" / "last.ckpt")
    assert saved["global_step"] == 2
    assert len(saved["optimizer_states"][0]["state"]) > 0


def test_one_rank_is_enough_to_stop_all_of_them(ranks: Path) -> None:
    assert json.loads((ranks / "terminate" / "end.json").read_text())["exit_code"] == 75
    assert load(ranks / "terminate" / "checkpoints" / "last.ckpt")["global_step"] == 2


def test_workers_that_get_the_signal_too_do_not_end_the_training_early(world: Path, tmp_path: Path) -> None:
    class TerminateAll(Terminate):
        def on_before_backward(self, *args: Any) -> None:
            for child in multiprocessing.active_children():
                subprocess.run(["kill", "-TERM", str(child.pid)], check=True)  # as a scheduler does: not the trainer
            super().on_before_backward(*args)
            time.sleep(0.5)  # for the news of a worker's death to come in

    trainer = make_trainer(tmp_path, TerminateAll(batch=1), Preemption(), max_steps=9)
    data = TrainingPairs(str(world / "training"), batch_size=2, resolution=32, num_workers=1)
    with pytest.raises(Preempted):
        trainer.fit(tiny.build_training(world), data)
    assert load(tmp_path / "checkpoints" / "last.ckpt")["global_step"] == 2


def test_slurms_own_handling_is_left_alone(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Handlers(Callback):
        def on_train_batch_start(self, *_: object) -> None:
            self.term = signal.getsignal(signal.SIGTERM)

    variables = {"SLURM_NTASKS": "1", "SLURM_JOB_NAME": "train", "SLURM_JOB_ID": "1", "SLURM_PROCID": "0",
                 "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NTASKS_PER_NODE": "1"}  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("lightning.fabric.plugins.environments.slurm._is_srun_used", lambda: True)
    usr, preemption, handlers = signal.getsignal(signal.SIGUSR1), Preemption(), Handlers()
    fit(world, tmp_path, preemption, handlers, max_steps=1)
    assert handlers.term != preemption._ask
    assert type(handlers.term).__name__ == "_HandlersCompose"
    assert signal.getsignal(signal.SIGUSR1) == usr


def test_without_a_signal_nothing_happens(world: Path, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, Preemption())
    assert trainer.callbacks[-1].__class__ is Preemption
    fit(world, tmp_path, Preemption(), max_steps=1)
    assert not (tmp_path / "checkpoints").exists()
