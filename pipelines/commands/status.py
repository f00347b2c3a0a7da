"""`ella status DIR`: the funnel of a run, from what is on disk."""

from collections.abc import Sequence

from curation import storage
from pipelines.commands.arguments import command_parser, parse
from pipelines.compare import compare, comparison_table
from pipelines.errors import refusing
from pipelines.hosts import host_table, worst_hosts
from pipelines.picture import funnel_svg
from pipelines.show import open_console, show_funnels
from pipelines.status import funnels


def main(args: Sequence[str]) -> int:
    """Show the funnels."""
    parser = command_parser(
        "status",
        "DIR [--svg FILE] [--compare A B] [--hosts]",
        "Show how many rows every stage let through, and why the others stopped: from what is on disk, also while "
        "a run goes on.",
        [
            "ella status quickstart",
            "ella status s3://bucket/ella",
            "ella status quickstart --svg funnel.svg",
            "ella status quickstart --compare selection strict",
            "ella status quickstart --hosts",
        ],
    )
    parser.add_argument("dir", type=str, help="the folder of a run, or of one of its datasets")
    parser.add_argument("--svg", type=str, default="", help="also draw the funnel into this file")
    parser.add_argument(
        "--compare",
        type=str,
        nargs=2,
        metavar=("A", "B"),
        help="instead: what selection A keeps that B drops, and why; `selection` is the one that captions follow",
    )
    parser.add_argument(
        "--hosts",
        action="store_true",
        help="instead: the hosts whose links most often gave no image, and why",
    )
    options = parse(parser, args)
    if options.hosts:
        with refusing():
            hosts = worst_hosts(options.dir)
        open_console().print(host_table(hosts))
        return 0
    if options.compare:
        with refusing():
            comparisons = compare(options.dir, *options.compare)
        open_console().print(comparison_table(comparisons, *options.compare))
        return 0
    with refusing():
        found = funnels(options.dir)
    show_funnels(open_console(), found)
    if options.svg:
        storage.write_text(options.svg, funnel_svg(found))
    return 0
