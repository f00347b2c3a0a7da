"""Timing on a machine that others use too: contenders take turns, and medians are compared."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import torch


def interleave(
    contenders: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds that each of `contenders` takes, in `rounds` rounds in which each runs once, in turn.

    Args:
        contenders: by name.
        rounds: how often each runs.
        clock: for work on one thread, `time.process_time` leaves out the moments in which others had the core.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return seconds


def speedup(slow: list[float], fast: list[float]) -> float:
    """How many times faster: the median over the rounds' own ratios, in which slow moments of the machine cancel."""
    return statistics.median(one / other for one, other in zip(slow, fast, strict=True))


def machine() -> str:
    """Date, processor, cores, threads and versions, in a line."""
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{when}, {_processor()}, {cores} cores of which {torch.get_num_threads()} used, "
        f"Python {platform.python_version()}, PyTorch {torch.__version__}"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
