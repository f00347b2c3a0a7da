"""`ella status DIR`: the funnel of a run, from what is on disk."""

from collections.abc import Sequence

from pipelines.commands.arguments import command_parser, parse
from pipelines.errors import refusing
from pipelines.show import open_console, show_funnels
from pipelines.status import funnels


def main(args: Sequence[str]) -> int:
    """Show the funnels."""
    parser = command_parser(
        "status",
        "DIR",
        "Show how many rows every stage let through, and why the others stopped: from what is on disk, also while "
        "a run goes on.",
        ["ella status quickstart", "ella status s3://bucket/ella"],
    )
    parser.add_argument("dir", type=str, help="the folder of a run, or of one of its datasets")
    folder = parse(parser, args).dir
    with refusing():
        found = funnels(folder)
    show_funnels(open_console(), found)
    return 0
