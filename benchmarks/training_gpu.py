"""Training at full width on a GPU, random weights: samples a second with and without caches, and what each trick pays.

python -m benchmarks.training_gpu                  SD1.5 at 512 px, beside the plain loop
python -m benchmarks.training_gpu --base sdxl      SDXL at 1024 px, beside the plain loop
python -m benchmarks.training_gpu --ladder         SD1.5: attention kernel, channels_last, compile, batch, CUDA graphs
python -m benchmarks.training_gpu --device cpu --tiny [...]    the same with next to nothing, to see that it runs
"""

import argparse
import gc
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.interleaved import machine
from benchmarks.training import be_quiet
from benchmarks.training_runs import Run, Setup, World, add_caches, make_batches, make_world, ours, plain
from training.accelerators import peak_tflops
from training.batch import Batch

PLAIN = "plain loop"
CLOSE = 0.02
"""How near the mean loss must be to the plain loop's, as a share of it."""


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """TFLOP a sample that training cannot do without, attention included; what the plain loop adds is not counted.

    Args:
        unet: forward, and backward to the condition.
        vae: its encoder.
        text: T5-XL's encoder with 128 tokens.
        connector: forward and backward.
    """

    unet: float
    vae: float
    text: float
    connector: float

    def needed(self, *, latents: bool, text: bool) -> float:
        """What a step needs for each sample with these caches."""
        return self.unet + self.connector + (0 if latents else self.vae) + (0 if text else self.text)


ARITHMETIC = {
    "sd15": Arithmetic(unet=0.80 + 0.86, vae=1.12, text=0.30, connector=0.024),  # 512 px
    "sdxl": Arithmetic(unet=6.75 + 7.24, vae=4.88, text=0.30, connector=0.17),  # 1024 px
}
RESOLUTION = {"sd15": 512, "sdxl": 1024}
PAIRS = {"sd15": 64, "sdxl": 16}
BEST = Setup(precision="bfloat16", channels_last=True, compile="default")
ROWS: dict[str, dict[str, Setup]] = {
    "sd15": {
        "all online": BEST,
        "T5 online": replace(BEST, latents=True),
        "both caches": replace(BEST, latents=True, text=True),
    },
    "sdxl": {"both caches": replace(BEST, latents=True, text=True)},
}
GOALS = {
    "sd15": {"all online": 100, "T5 online": 155, "both caches": 185},
    "sdxl": {"both caches": 22},
}
"""Samples a second on an H200."""

CACHED = Setup(latents=True, text=True, precision="bfloat16")
LADDER: list[tuple[str, float, Setup]] = [
    ("attention spelt out", 0.25, replace(CACHED, attention="spelt out")),
    ("attention kernel (SDPA)", 0.25, CACHED),
    ("channels_last", 0.25, replace(CACHED, channels_last=True)),
    ("compile", 0.25, replace(CACHED, channels_last=True, compile="default")),
    ("batch twice as large", 0.5, replace(CACHED, channels_last=True, compile="default")),
    ("batch four times as large", 1.0, replace(CACHED, channels_last=True, compile="default")),
    ("CUDA graphs", 1.0, replace(CACHED, channels_last=True, compile="reduce-overhead")),
]
"""Each rung with all below it: its name, its share of the whole batch, its settings."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where and how much is measured.

    Args:
        device: cuda or cpu.
        steps: that are timed in a run.
        warm: steps before them, in which kernels are chosen and compiled.
        rounds: of all contenders in turn.
    """

    device: str
    steps: int
    warm: int
    rounds: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All runs of a contender.

    Args:
        runs: empty where its memory did not suffice.
        pairs: a batch.
        gib: most memory of tensors on the GPU.
    """

    runs: list[Run]
    pairs: int
    gib: float

    @property
    def speed(self) -> float:
        """Samples a second, the median over the runs."""
        return statistics.median(self.pairs * run.steps / run.seconds for run in self.runs)


Contender = tuple[int, Callable[[], Run]]
"""Pairs a batch, and what runs it."""


def interleaved(contenders: Mapping[str, Contender], place: Place) -> dict[str, Measured]:
    """Run all in turn; one that does not fit into memory is left out from then on."""
    measured = {name: Measured(runs=[], pairs=pairs, gib=0.0) for name, (pairs, _) in contenders.items()}
    left = dict(contenders)
    for _ in range(place.rounds):
        for name, (pairs, run) in list(left.items()):
            _forget(place.device)
            try:
                runs = [*measured[name].runs, run()]
            except torch.OutOfMemoryError:
                runs = []
                del left[name]
            measured[name] = Measured(runs=runs, pairs=pairs, gib=max(measured[name].gib, _gib(place.device)))
    return measured


def measure(world: World, batches: Sequence[Batch], place: Place) -> str:
    """Speeds of all rows of a base model beside the plain loop; a table in Markdown.

    Raises:
        SystemExit: a contender's losses are not the plain loop's.
    """
    pairs, rows = len(batches[0]["sample_ids"]), ROWS[world.base]
    how: dict[str, Any] = {"steps": place.steps, "warm": place.warm, "device": place.device}
    contenders: dict[str, Contender] = {PLAIN: (pairs, partial(plain, world, batches, **how))}
    for name, setup in rows.items():
        contenders[name] = (pairs, partial(ours, world, batches, _here(setup, place), **how))
    measured = interleaved(contenders, place)
    lines = ["| | samples/s | goal (H200) | times the plain loop | of peak | GiB |", "|---|---|---|---|---|---|"]
    arithmetic = ARITHMETIC[world.base]
    for name, one in measured.items():
        setup = rows.get(name, Setup())
        needed = arithmetic.needed(latents=setup.latents, text=setup.text)
        goal = str(GOALS[world.base].get(name, ""))
        lines.append(_line(name, one, goal, measured[PLAIN], _share(one, needed, place.device)))
    return "\n".join([_check(measured), "", *lines])


def climb(world: World, batches: Sequence[Batch], place: Place) -> str:
    """What each rung of the ladder gives, with both caches; a table in Markdown."""
    how: dict[str, Any] = {"steps": place.steps, "warm": place.warm, "device": place.device}
    contenders: dict[str, Contender] = {}
    for name, share, setup in LADDER:
        pairs = max(1, round(share * len(batches[0]["sample_ids"])))
        fewer = [_first(batch, pairs) for batch in batches]
        contenders[name] = (pairs, partial(ours, world, fewer, _here(setup, place), **how))
    measured = interleaved(contenders, place)
    needed = ARITHMETIC[world.base].needed(latents=True, text=True)
    lines = ["| | samples/s | pairs a batch | times the rung before | of peak | GiB |", "|---|---|---|---|---|---|"]
    before: Measured | None = None
    for name, one in measured.items():
        lines.append(_line(name, one, str(one.pairs), before, _share(one, needed, place.device)))
        before = one if one.runs else before
    return "\n".join(lines)


def _line(name: str, one: Measured, third: str, base: Measured | None, share: str) -> str:
    if not one.runs:
        return f"| {name} | out of memory | {third} | | | |"
    times = f"{one.speed / base.speed:.2f}x" if base is not None and base is not one and base.runs else ""
    return f"| {name} | {one.speed:.1f} | {third} | {times} | {share} | {one.gib:.1f} |"


def _share(one: Measured, needed: float, device: str) -> str:
    peak = peak_tflops(torch.cuda.get_device_name()) if device == "cuda" else None
    return f"{one.speed * needed / peak:.0%}" if peak and one.runs else ""


def _check(measured: Mapping[str, Measured]) -> str:
    """How near the mean losses are to the plain loop's."""
    means = {name: statistics.fmean(one.runs[0].losses) for name, one in measured.items() if one.runs}
    if PLAIN not in means:
        return "the plain loop does not fit into memory: losses are not compared"
    differences = {name: abs(mean - means[PLAIN]) / means[PLAIN] for name, mean in means.items()}
    if not all(difference <= CLOSE for difference in differences.values()):  # so that NaN is refused
        sys.exit(f"the contenders' losses differ: {means}; nothing to compare")
    return "mean losses: " + ", ".join(f"{name} {mean:.4f}" for name, mean in means.items())


def _here(setup: Setup, place: Place) -> Setup:
    """The settings, without compilation on a CPU: it would take minutes and tell nothing about a GPU."""
    return replace(setup, compile=None) if place.device == "cpu" else setup


def _first(batch: Batch, pairs: int) -> Batch:
    """The first pairs of a batch."""
    fewer = {key: value[:pairs] for key, value in batch.items() if key not in ("text", "empty_text")}
    text = replace(batch["text"], features=batch["text"].features[:pairs])
    return Batch(**fewer, text=text, empty_text=batch["empty_text"])  # type: ignore[typeddict-item]


def _forget(device: str) -> None:
    gc.collect()
    torch.compiler.reset()
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _gib(device: str) -> float:
    return torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else 0.0


def main() -> None:
    """Read the arguments and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", choices=["sd15", "sdxl"], default="sd15")
    parser.add_argument("--ladder", action="store_true", help="one trick after another")
    parser.add_argument("--pairs", type=int, default=None, help="a batch; 64 for sd15, 16 for sdxl")
    parser.add_argument("--steps", type=int, default=20, help="that are timed in a run")
    parser.add_argument("--warm", type=int, default=5, help="steps before them")
    parser.add_argument("--rounds", type=int, default=3, help="of all contenders in turn")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--tiny", action="store_true", help="models and images as small as can be")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU: `--device cpu --tiny` only tries the code out")
    be_quiet()
    pairs, resolution, narrower = options.pairs or PAIRS[options.base], RESOLUTION[options.base], 1
    if options.tiny:
        pairs, resolution, narrower = 4, 64, 8
        options.steps = options.warm = options.rounds = 1
    place = Place(device=options.device, steps=options.steps, warm=options.warm, rounds=options.rounds)
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder), options.base, narrower, options.device, torch.bfloat16)
        batches = add_caches(world, make_batches(pairs, resolution), "bfloat16", options.device)
        where = torch.cuda.get_device_name() if options.device == "cuda" else "CPU"
        print(f"{where}: {options.base}, {resolution} px, TSC, {pairs} pairs a batch, {place.steps} steps a run, "
              f"{place.rounds} rounds in turn")  # fmt: skip
        print((climb if options.ladder else measure)(world, batches, place))


if __name__ == "__main__":
    main()
