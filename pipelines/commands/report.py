"""`ella report PATH...`: caption statistics as a page, a table and numbers."""

from collections.abc import Sequence

from captioning.report.headline import headline
from captioning.report.table import intervals, markdown
from pipelines.commands.arguments import command_parser, parse
from pipelines.errors import UsageError, refusing
from pipelines.report.collect import collect
from pipelines.report.write import PAGE, write


def main(args: Sequence[str]) -> int:
    """Write the report, and print its first lines."""
    parser = command_parser(
        "report",
        "PATH... [--output DIR] [--column NAME] [--sample N]",
        "Measure captions as the ELLA paper's tables do, several sets side by side, and write report.html (one file "
        "that works offline), statistics.json and statistics.md. A PATH is the folder of a run, a dataset, a training "
        "set, a .parquet, .jsonl, .csv or .tsv file, or a text file with a caption a line.",
        [
            "ella report quickstart",
            "ella report quickstart/training --sample 10000",
            "ella report prompts.jsonl captions.txt --column prompt --output compared",
        ],
    )
    parser.add_argument("paths", nargs="+", type=str, metavar="PATH", help="what to report on")
    parser.add_argument("--output", type=str, default="report", help="the folder for the three files")
    parser.add_argument(
        "--column", type=str, default="", help="of the texts in a file; caption, text or prompt without"
    )
    parser.add_argument("--sample", type=int, default=0, help="measure N texts of each kind, drawn by sample_id")
    options = parse(parser, args)
    if options.sample < 0:
        raise UsageError(f"--sample {options.sample}: expected 1 or more, or 0 for all")
    with refusing():
        report = collect(options.paths, column=options.column or None, sample=options.sample or None)
    write(report, options.output)
    print(f"{headline(report)}\n\n{markdown(report.texts)}\n")
    drawn = [texts for texts in report.texts if texts.drawn]
    if drawn:
        print("\n".join(["95 % intervals:", *map(intervals, drawn), ""]))
    for note in report.notes:
        print(note)
    print(f"report: {options.output.rstrip('/')}/{PAGE}")
    return 0
