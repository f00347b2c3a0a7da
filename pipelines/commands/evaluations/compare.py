"""`ella evaluate compare RUN...`: the paper's tables for several runs, and their images on a page."""

from collections.abc import Sequence

from curation import storage
from pipelines.commands.arguments import command_parser, parse
from pipelines.errors import refusing
from training.evaluation.compare.page import headline, render
from training.evaluation.compare.pairs import pairs
from training.evaluation.compare.runs import Rule, read_runs
from training.evaluation.compare.tables import markdown, tables

PAGE, TABLES = "compare.html", "compare.md"


def main(args: Sequence[str]) -> int:
    """Print the tables, and write them and the page."""
    parser = command_parser(
        "evaluate compare",
        "RUN RUN... [--output DIR] [--rule RULE]",
        "Set runs beside each other that were evaluated before: the ELLA paper's tables 3 (T2I-CompBench) and 4 "
        "(DPG-Bench), differences from the first run with 95 % intervals over the same prompts, and a page with the "
        "images of the same prompts side by side (one file that works offline).",
        [
            "ella evaluate compare runs/sd15 runs/ella",
            "ella evaluate compare runs/sd15 runs/mlp runs/tsc --rule fixed --output compared",
        ],
    )
    parser.add_argument("runs", nargs="+", type=str, metavar="RUN", help="a folder with an evaluation/, or that itself")
    parser.add_argument("--output", type=str, default="compared", help="the folder for the page and the tables")
    parser.add_argument(
        "--rule", type=Rule, default="legacy", help="legacy is what papers report; fixed is without its known faults"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the prompts that are drawn for the intervals")
    options = parse(parser, args)
    with refusing():
        runs = read_runs(options.runs, options.rule)
    measured = tables(runs, seed=options.seed)
    text = "\n\n".join(map(markdown, measured))
    output = options.output.rstrip("/")
    storage.write_text(storage.join(output, TABLES), f"{text}\n")
    storage.write_text(storage.join(output, PAGE), render(runs, measured, pairs(runs), options.rule))
    print(f"{headline(runs, measured)}\n\n{text}\n\npage: {storage.join(output, PAGE)}")
    return 0
