"""`ella run CONFIG`: run a pipeline, and say at the end what is there and what is missing."""

from collections.abc import Sequence

from pipelines import status
from pipelines.commands.arguments import parse_pipeline, pipeline_parser
from pipelines.pipeline import Pipeline
from pipelines.progress import ConsoleDisplay
from pipelines.run import Run
from pipelines.show import open_console, show_failures, show_funnels


def main(args: Sequence[str]) -> int:
    """Run; 0 when everything is there, 1 when something is missing."""
    parser = pipeline_parser(
        "run",
        "Run the pipeline that a YAML file describes. What is finished already is left as it is, so the same "
        "command goes on after a stop.",
        [
            "ella run pipelines/configs/quickstart.yaml",
            "ella run my.yaml --dir s3://bucket/ella --address auto",
            "ella run my.yaml --repair",
            "ella run my.yaml --print_config",
        ],
    )
    parser.add_argument(
        "--address",
        type=str,
        default="",
        help="a Ray cluster: auto, host:port or ray://...; Ray on this machine without",
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="first try links again that failed in a way that may pass (timeout, connection, resolver out of order, "
        "429, 5xx), once each, in further shards",
    )
    pipeline, options = parse_pipeline(parser, args)
    return execute(pipeline, options.address or None, repair=options.repair)


def execute(pipeline: Pipeline, address: str | None, *, repair: bool = False) -> int:
    """Run `pipeline` with a display for people; returns the exit code."""
    console = open_console()
    outcome = Run(pipeline, address=address, display=ConsoleDisplay(console), repair=repair)()
    console.print()
    show_funnels(console, status.funnels(pipeline.dir))
    show_failures(console, outcome.failures)
    if not outcome.complete:
        console.print("[bold]Something is missing[/] (above); the same command tries it again.")
        return 1
    if outcome.idle:
        console.print("[bold]Nothing to do:[/] all of it is there already.")
        return 0
    if pipeline.merge:
        console.print(f"training set: {pipeline.merge.output}", highlight=False)
    if pipeline.train:
        console.print(f"connector:    {pipeline.train.connector}", highlight=False)
    console.print("[bold]Done.[/]")
    return 0
