"""How fast and how large a training step is: the project's trainer against the plain loop, the same steps first.

python -m benchmarks.training           on a CPU, models a quarter as wide as SD1.5 and T5-XL, about five minutes
python -m benchmarks.training --tiny    the same with next to nothing, to see that it runs

benchmarks/training_gpu.py has the full width on a GPU.
"""

import argparse
import logging
import multiprocessing
import statistics
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers.utils import logging as transformers_logging

from benchmarks.interleaved import machine, speedup
from benchmarks.training_runs import (
    Run,
    Setup,
    World,
    add_caches,
    load_batches,
    make_batches,
    make_world,
    ours,
    plain,
    save_batches,
)

PLAIN = "plain loop"
SETUPS = {
    "nothing cached, float32": Setup(),
    "both caches, float32": Setup(latents=True, text=True),
    "nothing cached": Setup(precision="bfloat16", channels_last=True),
    "both caches": Setup(latents=True, text=True, precision="bfloat16", channels_last=True),
}
"""As the shipped configurations have it, the frozen models are in bfloat16; float32 shows the same arithmetic."""

GOALS = {"nothing cached": 1.4, "both caches": 3.0}
MEMORY_GOAL = 0.7
CLOSE = {"float32": 1e-5, "bfloat16": 5e-3}
"""How near the losses must be to the plain loop's, as a share of them."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What every contender does.

    Args:
        world: its models, with the batches in `batches.pt`.
        pairs: a batch.
        steps: that are timed in a run.
        threads: that PyTorch may use.
    """

    world: World
    pairs: int
    steps: int
    threads: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A run, and what its process had at most so far, but for the libraries: models, batches and steps, in bytes."""

    run: Run
    peak: int


def make_work(folder: Path, *, narrower: int, resolution: int, pairs: int, steps: int, threads: int) -> Work:
    """Write the models and the batches."""
    world = make_world(folder, "sd15", narrower)
    save_batches(add_caches(world, make_batches(pairs, resolution), "float32"), folder / "batches.pt")
    return Work(world=world, pairs=pairs, steps=steps, threads=threads)


def measure(name: str, work: Work, libraries: int) -> Measured:
    """One run of a contender, in a process that runs nothing else and had so many bytes of `libraries` before."""
    be_quiet()
    torch.set_num_threads(work.threads)
    batches = load_batches(work.world.folder / "batches.pt")
    if name == PLAIN:
        run = plain(work.world, batches, steps=work.steps)
    else:
        run = ours(work.world, batches, SETUPS[name], steps=work.steps)
    return Measured(run=run, peak=memory("VmHWM") - libraries)


def memory(name: str) -> int:
    """Bytes of this process as Linux counts them: VmRSS now, VmHWM at most."""
    # getrusage would give a child the peak of the process that it was forked from.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def interleaved(work: Work, rounds: int) -> dict[str, list[Measured]]:
    """All contenders in turn, each in a process of its own."""
    names = [PLAIN, *SETUPS]
    measured: dict[str, list[Measured]] = {name: [] for name in names}
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pools = {name: stack.enter_context(ProcessPoolExecutor(1, mp_context=spawn)) for name in names}
        libraries = {name: pool.submit(memory, "VmRSS").result() for name, pool in pools.items()}
        for _ in range(rounds):
            for name, pool in pools.items():
                measured[name].append(pool.submit(measure, name, work, libraries[name]).result())
    return measured


def check(losses: Mapping[str, Sequence[float]]) -> str:
    """How far each contender's losses are from the plain loop's.

    Raises:
        SystemExit: too far.
    """
    reference = losses[PLAIN]
    differences: dict[str, float] = {}
    for name, setup in SETUPS.items():
        shares = [abs(one - other) / abs(other) for one, other in zip(losses[name], reference, strict=True)]
        if not all(share <= CLOSE[setup.precision] for share in shares):  # so that NaN is refused
            sys.exit(f"{name}: losses {losses[name]}, the plain loop's {reference}: nothing to compare")
        differences[name] = max(shares)
    farthest = ", ".join(f"{name} {difference:.0e}" for name, difference in differences.items())
    return f"losses of {len(reference)} steps agree with the plain loop's, as shares of them: {farthest}"


def table(measured: Mapping[str, Sequence[Measured]], work: Work) -> str:
    """Speed and memory of all contenders in Markdown."""
    alone = work.threads == 1
    lines = [
        f"| | {'CPU seconds' if alone else 'seconds'} a step (median) | faster than the plain loop by | goal | "
        "memory, MiB | of the plain loop's | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    seconds = {name: [one.run.seconds / one.run.steps for one in runs] for name, runs in measured.items()}
    # Of the first run: a process's peak only grows, and later runs load their models beside what the one before left.
    peaks = {name: runs[0].peak for name, runs in measured.items()}
    for name, taken in seconds.items():
        row = [name, f"{statistics.median(taken):.2f}", "", "", f"{peaks[name] / 2**20:,.0f}", "", ""]
        if name != PLAIN:
            row[2] = f"{speedup(seconds[PLAIN], taken):.2f}x"
            row[5] = f"{peaks[name] / peaks[PLAIN]:.0%}"
        if name in GOALS:
            row[3], row[6] = f"{GOALS[name]:g}x", f"under {MEMORY_GOAL:.0%}"
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def be_quiet() -> None:
    """Keep remarks and bars of the libraries off the screen."""
    warnings.filterwarnings("ignore")
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero", "diffusers"):
        logging.getLogger(name).setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()


def main() -> None:
    """Read the arguments and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--narrower", type=int, default=4, help="by how much the models are less wide: 1, 2, 4 or 8")
    parser.add_argument("--resolution", type=int, default=256, help="side of the images, in pixels")
    parser.add_argument("--pairs", type=int, default=4, help="a batch")
    parser.add_argument("--steps", type=int, default=3, help="that are timed in a run")
    parser.add_argument("--rounds", type=int, default=3, help="of all contenders in turn")
    parser.add_argument("--threads", type=int, default=1, help="that PyTorch may use")
    parser.add_argument("--tiny", action="store_true", help="as small as can be")
    options = parser.parse_args()
    if options.tiny:
        options.narrower, options.resolution, options.pairs, options.steps, options.rounds = 8, 64, 1, 1, 1
    be_quiet()
    torch.set_num_threads(options.threads)
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        work = make_work(
            Path(folder),
            narrower=options.narrower,
            resolution=options.resolution,
            pairs=options.pairs,
            steps=options.steps,
            threads=options.threads,
        )
        measured = interleaved(work, options.rounds)
    print(
        f"1/{options.narrower} of the width, {options.resolution} px, {options.pairs} pairs a batch, {options.steps} "
        f"steps a run, {options.rounds} rounds in turn"
    )
    print(check({name: runs[0].run.losses for name, runs in measured.items()}), "\n")
    print(table(measured, work))


if __name__ == "__main__":
    main()
