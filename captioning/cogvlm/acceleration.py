"""Ways to take the cost of launching kernels out of a step that runs over and over on the same memory."""

from collections.abc import Callable
from typing import Literal

import torch

Acceleration = Literal["none", "compile", "cuda-graphs"]
"""As PyTorch comes; fused by its compiler; or recorded once and replayed, on a GPU."""

Step = Callable[[int], None]
"""Works in place on memory of its own; its argument decides the shapes."""


def accelerate(step: Step, how: Acceleration, device: torch.device) -> Step:
    """A step that does the same, faster.

    Raises:
        ValueError: CUDA graphs are asked for on another device.
    """
    if how == "compile":
        return torch.compile(step)
    if how == "cuda-graphs":
        if device.type != "cuda":
            raise ValueError(f"acceleration is cuda-graphs and the device {device}: expected a GPU, or another setting")
        return _Graphs(step)
    return step


class _Graphs:
    """Replays one CUDA graph an argument.

    The first call with an argument runs as it is, on a stream of its own, which is the warm-up that a capture needs;
    the second records. A capture does not run, so each call is exactly one step.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self._graphs: dict[int, torch.cuda.CUDAGraph | None] = {}

    def __call__(self, argument: int) -> None:
        if argument not in self._graphs:
            self._graphs[argument] = None
            self._warm_up(argument)
            return
        graph = self._graphs[argument]
        if graph is None:
            graph = self._graphs[argument] = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._step(argument)
        graph.replay()

    def _warm_up(self, argument: int) -> None:
        main, side = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(main)
        with torch.cuda.stream(side):
            self._step(argument)
        main.wait_stream(side)
