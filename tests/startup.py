"""How long `ella --help` and `ella run --help` take: `python -m tests.startup` fails over the limit."""

import subprocess
import sys
import time

LIMITS = {("--help",): 1.0, ("run", "--help"): 2.0}
"""Seconds; the best of five tries counts, so that a busy machine is not taken for a slow program."""


def seconds(arguments: tuple[str, ...]) -> float:
    """The shortest of five runs of `ella` with `arguments`."""
    runs = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "pipelines.cli", *arguments], check=True, stdout=subprocess.DEVNULL)
        runs.append(time.perf_counter() - start)
    return min(runs)


def main() -> int:
    """Measure and compare; 1 when a limit is missed."""
    missed = 0
    for arguments, limit in LIMITS.items():
        taken = seconds(arguments)
        missed += taken > limit
        print(f"ella {' '.join(arguments)}: {taken:.2f} s (limit {limit:g} s)")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
