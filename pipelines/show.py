"""Funnels and outcomes as tables on a terminal."""

import sys
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from curation.reasons import sentence_of
from pipelines.chain import Failure
from pipelines.status import Funnel

FAILURES_SHOWN = 20
PLAIN_WIDTH = 140


def open_console() -> Console:
    """The terminal; a file or a pipe gets lines as wide as the tables need, since nothing wraps them there."""
    return Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH)


def funnel_table(funnels: Sequence[Funnel]) -> Table:
    """A column a branch, a row a level: how many rows got through."""
    table = Table(title="rows that got through, by branch", title_justify="left")
    table.add_column("")
    for funnel in funnels:
        table.add_column(funnel.branch, justify="right")
    for name in level_names(funnels):
        kept = [{level.name: level.kept for level in funnel.levels}.get(name) for funnel in funnels]
        table.add_row(name, *("" if count is None else f"{count:,}" for count in kept))
    return table


def reject_table(funnels: Sequence[Funnel]) -> Table:
    """Every reason that stopped a row, with its sentence, by branch."""
    table = Table(title="rows that went no further, and why", title_justify="left")
    table.add_column("at")
    table.add_column("reason")
    for funnel in funnels:
        table.add_column(funnel.branch, justify="right")
    table.add_column("")
    counts: dict[tuple[str, str], Counter[str]] = {}
    for name in level_names(funnels):
        for funnel in funnels:
            for reason, count in {level.name: level.rejects for level in funnel.levels}.get(name, Counter()).items():
                counts.setdefault((name, reason), Counter())[funnel.branch] += count
    for (name, reason), by_branch in counts.items():
        shown = (f"{by_branch[funnel.branch]:,}" if by_branch[funnel.branch] else "" for funnel in funnels)
        table.add_row(name, reason, *shown, sentence_of(reason))
    return table


def show_funnels(console: Console, funnels: Sequence[Funnel]) -> None:
    """Print both tables."""
    console.print(funnel_table(funnels))
    if any(level.rejects for funnel in funnels for level in funnel.levels):
        console.print(reject_table(funnels))


def show_failures(console: Console, failures: Sequence[Failure]) -> None:
    """Print the shards that were given up, the first of them at least."""
    for failure in failures[:FAILURES_SHOWN]:
        line = escape(f"{failure.dataset} shard {failure.shard.name}: {failure.reason}")
        console.print(f"[red]missing[/] {line}", highlight=False, soft_wrap=True)
    if len(failures) > FAILURES_SHOWN:
        console.print(f"... and {len(failures) - FAILURES_SHOWN} more")


def level_names(funnels: Sequence[Funnel]) -> list[str]:
    """Every level once, from top to bottom; the merge is the last, whatever captions a branch has."""
    names = list(dict.fromkeys(level.name for funnel in funnels for level in funnel.levels))
    return sorted(names, key=lambda name: name == "merged")
