"""How long `ella --help` and `ella run --help` take: `python -m tests.startup` fails over the limit."""

import resource
import subprocess
import sys

LIMITS = {("--help",): 1.0, ("run", "--help"): 3.0}
"""Seconds of processor time; the best of five tries counts, so that a busy machine is not taken for a slow program."""


def seconds(arguments: tuple[str, ...]) -> float:
    """The shortest of five runs of `ella` with `arguments`."""
    runs = []
    for _ in range(5):
        before = _children()
        subprocess.run([sys.executable, "-m", "pipelines.cli", *arguments], check=True, stdout=subprocess.DEVNULL)
        runs.append(_children() - before)
    return min(runs)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
