"""`ella report PATH...`: caption statistics as a page, a table and numbers."""

import sys
from collections.abc import Sequence

from captioning.nltk_data import fetch_nltk_data, nltk_folder
from captioning.part_of_speech import has_nltk_data
from captioning.report.headline import headline
from captioning.report.table import intervals, markdown
from pipelines.commands.arguments import command_parser, parse
from pipelines.errors import UsageError, refusing
from pipelines.report.collect import check, collect
from pipelines.report.write import PAGE, write


def main(args: Sequence[str]) -> int:
    """Write the report, and print its first lines."""
    parser = command_parser(
        "report",
        "PATH... [options]",
        "Measure captions as the ELLA paper's tables do, several sets side by side, and write report.html (one file "
        "that works offline), statistics.json and statistics.md. A PATH is the folder of a run, a dataset, a training "
        "set, a .parquet, .jsonl, .csv or .tsv file, or a text file with a caption a line.",
        [
            "ella report quickstart",
            "ella report quickstart/training --sample 10000",
            "ella report prompts.jsonl captions.txt --column prompt --output compared",
            "ella report /data/ella --text-encoder google/flan-t5-xl",
        ],
    )
    parser.add_argument("paths", nargs="+", type=str, metavar="PATH", help="what to report on")
    parser.add_argument("--output", type=str, default="report", help="the folder for the three files")
    parser.add_argument(
        "--column", type=str, default="", help="of the texts in a file; caption, text or prompt without"
    )
    parser.add_argument("--sample", type=int, default=0, help="measure N texts of each kind, drawn by sample_id")
    parser.add_argument(
        "--text-encoder",
        type=str,
        default="",
        help="count its tokens too, a folder or a hub name: google/flan-t5-xl; only the tokenizer is loaded",
    )
    parser.add_argument(
        "--no-download", action="store_true", help="do not fetch NLTK's data where it is missing; do without"
    )
    options = parse(parser, args)
    if options.sample < 0:
        raise UsageError(f"--sample {options.sample}: expected 1 or more, or 0 for all")
    column, encoder = options.column or None, options.text_encoder
    with refusing():
        check(options.paths, column=column, text_encoder=encoder)
    if not options.no_download:
        _provide_nltk_data()
    with refusing():
        report = collect(options.paths, column=column, sample=options.sample or None, text_encoder=encoder)
    write(report, options.output)
    print(f"{headline(report)}\n\n{markdown(report.texts)}\n")
    drawn = [texts for texts in report.texts if texts.drawn]
    if drawn:
        print("\n".join(["95 % intervals:", *map(intervals, drawn), ""]))
    for note in report.notes:
        print(note)
    print(f"report: {options.output.rstrip('/')}/{PAGE}")
    return 0


def _provide_nltk_data() -> None:
    """Fetch NLTK's data if it is missing, and say so; what cannot be fetched is missing in the report, no more."""
    if has_nltk_data():
        return
    print(f"fetching NLTK's data into {nltk_folder()}, once", file=sys.stderr)
    problem = fetch_nltk_data()
    if problem:
        print(f"NLTK's data cannot be fetched: {problem}", file=sys.stderr)
