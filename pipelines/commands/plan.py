"""`ella plan CONFIG`: what a run would do, with every setting resolved, and nothing done."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from curation.redaction import redact_settings
from pipelines.commands.arguments import parse_pipeline, pipeline_parser
from pipelines.plan import Plan, StagePlan, make_plan
from pipelines.show import open_console


def main(args: Sequence[str]) -> int:
    """Show the plan; the checks that a run makes first are made here too."""
    parser = pipeline_parser(
        "plan",
        "Say what a run would do before anything does: branches, stages, shards done and pending, workers, bytes, "
        "and every setting as it was understood.",
        ["ella plan pipelines/configs/quickstart.yaml", "ella plan my.yaml --dir s3://bucket/ella"],
    )
    pipeline, options = parse_pipeline(parser, args)
    console = open_console()
    console.print("[bold]settings[/]")
    console.print(redact_settings(parser.dump(options, skip_unset=False)), highlight=False, markup=False)
    show(console, make_plan(pipeline))
    return 0


def show(console: Console, plan: Plan) -> None:
    """Print the plan's tables and what stands in its way."""
    table = Table(title="what a run would do", title_justify="left")
    for column in ("branch", "stage", "shards done", "pending", "workers", "CPU each", "GPU each", "bytes so far"):
        table.add_column(column, justify="left" if column in ("branch", "stage") else "right")
    for stage in plan.stages:
        table.add_row(*_cells(stage))
    console.print(table)
    for line in plan.notes:
        console.print(line, highlight=False)


def _cells(stage: StagePlan) -> list[str]:
    resources = stage.resources
    workers = (
        f"{resources.min_workers}"
        if resources.min_workers == resources.max_workers
        else (f"{resources.min_workers} to {resources.max_workers}")
    )
    pending = "?" if stage.pending is None else f"{stage.pending:,}"
    cells = [stage.branch, stage.name, f"{stage.done:,}", pending, workers]
    return [*cells, f"{resources.cpus:g}", f"{resources.gpus:g}", f"{stage.bytes:,}"]
