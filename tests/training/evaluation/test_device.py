"""Devices for workers."""

import pytest
import torch

from training.evaluation.device import be_worker, choose_device


def test_workers_take_gpus_in_turn_and_a_named_device_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    chosen = []
    for number in (0, 1, 2):
        be_worker(number)
        chosen.append(choose_device("auto"))
    be_worker(0)
    assert chosen == ["cuda:0", "cuda:1", "cuda:0"]
    assert choose_device("cpu") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"
