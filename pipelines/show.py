"""Funnels and outcomes as tables on a terminal."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from curation.reasons import Reason
from pipelines.chain import Failure
from pipelines.status import Funnel

FAILURES_SHOWN = 20


def funnel_table(funnels: Sequence[Funnel]) -> Table:
    """A column a branch, a row a level: how many rows got through."""
    table = Table(title="rows that got through, by branch", title_justify="left")
    table.add_column("")
    for funnel in funnels:
        table.add_column(funnel.branch, justify="right")
    names = list(dict.fromkeys(level.name for funnel in funnels for level in funnel.levels))
    names.sort(key=lambda name: name == "merged")  # the last level of all, whatever captions a branch has
    for name in names:
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
    counts = {
        (level.name, reason): Counter[str]()
        for funnel in funnels
        for level in funnel.levels
        for reason in level.rejects
    }
    for funnel in funnels:
        for level in funnel.levels:
            for reason, count in level.rejects.items():
                counts[level.name, reason][funnel.branch] += count
    for (name, reason), by_branch in counts.items():
        shown = (f"{by_branch[funnel.branch]:,}" if by_branch[funnel.branch] else "" for funnel in funnels)
        table.add_row(name, reason, *shown, _sentence(reason))
    return table


def show_funnels(console: Console, funnels: Sequence[Funnel]) -> None:
    """Print both tables."""
    console.print(funnel_table(funnels))
    if any(level.rejects for funnel in funnels for level in funnel.levels):
        console.print(reject_table(funnels))


def show_failures(console: Console, failures: Sequence[Failure]) -> None:
    """Print the shards that were given up, the first of them at least."""
    for failure in failures[:FAILURES_SHOWN]:
        console.print(
            f"[red]missing[/] {failure.dataset} shard {failure.shard.name}: {failure.reason}", highlight=False
        )
    if len(failures) > FAILURES_SHOWN:
        console.print(f"... and {len(failures) - FAILURES_SHOWN} more")


def _sentence(reason: str) -> str:
    return Reason(reason).sentence if reason in Reason._value2member_map_ else ""
