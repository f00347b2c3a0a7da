"""`ella status DIR`: the funnel of a run, from what is on disk."""

from collections.abc import Sequence

from curation import storage
from pipelines.commands.arguments import command_parser, parse
from pipelines.errors import refusing
from pipelines.picture import funnel_svg
from pipelines.show import open_console, show_funnels
from pipelines.status import funnels


def main(args: Sequence[str]) -> int:
    """Show the funnels."""
    parser = command_parser(
        "status",
        "DIR [--svg FILE]",
        "Show how many rows every stage let through, and why the others stopped: from what is on disk, also while "
        "a run goes on.",
        ["ella status quickstart", "ella status s3://bucket/ella", "ella status quickstart --svg funnel.svg"],
    )
    parser.add_argument("dir", type=str, help="the folder of a run, or of one of its datasets")
    parser.add_argument("--svg", type=str, default="", help="also draw the funnel into this file")
    options = parse(parser, args)
    with refusing():
        found = funnels(options.dir)
    show_funnels(open_console(), found)
    if options.svg:
        storage.write_text(options.svg, funnel_svg(found))
    return 0
