"""Accelerated steps do what plain ones do."""

from functools import partial

import pytest
import torch
from torch import Tensor

from captioning.captioner import Sampling
from captioning.cogvlm.acceleration import Acceleration, accelerate
from captioning.cogvlm.generation import generate
from tests.captioning.cogvlm.tiny import random_model, small_config

CPU = torch.device("cpu")
PROMPTS = [[7, 21, 9], [5, 11], [40, 41, 42]]
SAMPLING = Sampling(seeds=(1, 2, 3))


def assert_writes_the_same(device: str, acceleration: Acceleration, pixels: Tensor) -> None:
    model = random_model(small_config(v2=True)).to(device)
    plain, fast = (
        [
            generate(
                model,
                pixels,
                PROMPTS,
                max_new_tokens=[20, 30, 25],
                sampling=sampling,
                slots=2,
                steps=3,
                acceleration=how,
            )
            for sampling in (None, SAMPLING)
        ]
        for how in ("none", acceleration)
    )
    assert fast == plain


def test_none_is_the_step_itself() -> None:
    def step(window: int) -> None:
        raise AssertionError(window)

    assert accelerate(step, "none", CPU) is step


def test_compiled_steps_write_the_same(pixels: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    # All of the compiler but its last pass, which takes a minute: a step is traced whole, and its writes kept.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager", fullgraph=True))
    assert_writes_the_same("cpu", "compile", pixels)


if torch.cuda.is_available():  # elsewhere there is nothing to test, so nothing to skip

    @pytest.mark.parametrize("acceleration", ["compile", "cuda-graphs"])
    def test_on_a_gpu_they_write_the_same(acceleration: Acceleration, pixels: Tensor) -> None:
        assert_writes_the_same("cuda", acceleration, pixels)

    def test_every_call_of_a_graph_is_one_step() -> None:
        count = torch.zeros(1, device="cuda")
        step = accelerate(lambda by: count.add_(by), "cuda-graphs", count.device)
        for by in (1, 1, 1, 5, 1, 5):
            step(by)
        assert count.item() == 14


def test_cuda_graphs_need_a_gpu() -> None:
    with pytest.raises(ValueError, match="acceleration is cuda-graphs and the device cpu: expected a GPU"):
        accelerate(lambda window: None, "cuda-graphs", CPU)
