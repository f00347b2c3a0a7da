"""`ella evaluate WHAT`: score generated images, and compare runs; a subcommand is imported when it is called."""

import importlib
from collections.abc import Sequence

from curation.config_errors import nearest
from pipelines.errors import UsageError

COMMANDS = {
    "dpg": ("pipelines.commands.evaluations.dpg", "DPG-Bench: the published score, and the same without its faults"),
    "t2i-compbench": (
        "pipelines.commands.evaluations.t2i_compbench",
        "T2I-CompBench: attributes, places, actions, and all of them",
    ),
    "prompts": (
        "pipelines.commands.evaluations.prompts",
        "what a benchmark's prompts are like, and which of them a training set has seen",
    ),
    "compare": (
        "pipelines.commands.evaluations.compare",
        "the paper's tables for several runs, and their images on a page",
    ),
}
"""Name to the module whose `main(args)` runs it, and the line that `ella evaluate --help` shows."""

HELP = """usage: ella evaluate WHAT [ARGUMENTS]

Score generated images by the published benchmarks' rules, with and without their known faults, and compare runs.

what:
{commands}

examples:
  ella evaluate dpg runs/ella/images --csv dpg_bench.csv --judge mplug
  ella evaluate t2i-compbench runs/ella/color --category color
  ella evaluate prompts dpg_bench.csv --against /data/ella/training
  ella evaluate compare runs/sd15 runs/ella

`ella evaluate WHAT --help` says more."""


def main(args: Sequence[str]) -> int:
    """Run the subcommand.

    Raises:
        UsageError: there is no such subcommand, or its arguments are wrong.
    """
    if not args:
        raise UsageError(f"expected one of {', '.join(COMMANDS)}; `ella evaluate --help` shows examples")
    if args[0] in ("-h", "--help"):
        print(HELP.format(commands="\n".join(f"  {name:<16}{line}" for name, (_, line) in COMMANDS.items())))
        return 0
    if args[0] not in COMMANDS:
        raise UsageError(
            f"nothing to evaluate is called {args[0]!r}{nearest(args[0], COMMANDS)}; there are {', '.join(COMMANDS)}"
        )
    return int(importlib.import_module(COMMANDS[args[0]][0]).main(args[1:]) or 0)
