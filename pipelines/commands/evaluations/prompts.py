"""`ella evaluate prompts FILE...`: what a benchmark's prompts are like, and which of them a training set has seen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import PurePath
from typing import Any

from captioning.report.table import markdown
from curation import storage
from pipelines.commands.arguments import command_parser, parse
from pipelines.errors import UsageError, refusing
from pipelines.report.measuring import Measured
from pipelines.report.text_files import read_texts
from pipelines.seen_prompts import find_seen
from training.evaluation.contamination import Contamination, PromptIndex
from training.evaluation.wording import shortened

FILE = "prompts.json"
SHOWN = 10
"""Prompts of each file that are shown; all of them are in the file."""


def main(args: Sequence[str]) -> int:
    """Measure, search, print and write."""
    parser = command_parser(
        "evaluate prompts",
        "FILE... [--against PATH] [options]",
        "Measure the prompts of benchmarks as the paper's table 2 does, and find those that a training set has seen: "
        "captions that share a long run of words with a prompt, and captions that are nearly a prompt.",
        [
            "ella evaluate prompts dpg_bench.csv PartiPrompts.tsv",
            "ella evaluate prompts dpg_bench.csv --against /data/ella/training --workers 16",
            "ella evaluate prompts prompts.txt --against captions.parquet --run 13",
        ],
    )
    parser.add_argument(
        "files", nargs="+", type=str, metavar="FILE", help=".csv, .tsv, .jsonl, .parquet, or plain text"
    )
    parser.add_argument("--column", type=str, default="", help="of the prompts; caption, text or prompt without")
    parser.add_argument("--against", type=str, default="", help="a training set, or a file of captions")
    parser.add_argument("--run", type=int, default=8, help="words in a row that count as shared")
    parser.add_argument(
        "--nearness", type=float, default=0.7, help="share of common pieces that counts as nearly the same"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes that search a training set's shards")
    parser.add_argument("--output", type=str, default="evaluation", help="the folder for prompts.json")
    options = parse(parser, args)
    if options.workers < 1:
        raise UsageError(f"--workers {options.workers}: expected 1 or more")
    names = [PurePath(path).name for path in options.files]
    if len(set(names)) < len(names):
        raise UsageError(f"{', '.join(names)}: two files have the same name, which results go by; rename one")
    files = {name: _prompts(path, options.column) for name, path in zip(names, options.files, strict=True)}
    with refusing():
        indexes = {
            name: PromptIndex(prompts=prompts, run=options.run, nearness=options.nearness)
            for name, prompts in files.items()
        }
    print(markdown([Measured().add(prompts).text_set((name, "", True)) for name, prompts in files.items()]))
    if not options.against:
        return 0
    with refusing():
        found = find_seen(indexes, options.against, workers=options.workers)
    result = {
        "against": options.against,
        "captions": found.captions,
        "run": options.run,
        "nearness": options.nearness,
        "files": {name: _listed(indexes[name], seen) for name, seen in found.seen.items()},
    }
    print("\n".join(["", *_summary(result)]))
    path = storage.join(options.output, FILE)
    storage.write_json(path, result)
    print(f"result: {path}")
    return 0


def _prompts(path: str, column: str) -> list[str]:
    """The prompts in a file; of a table with a row for each question of a prompt, each prompt once."""
    return [prompt for prompt, _ in groupby(read_texts(path, column or None))]


def _listed(index: PromptIndex, seen: Contamination) -> dict[str, Any]:
    """Counts over a file's prompts, and every prompt that was seen, the nearest first."""
    rows = [{"prompt": index.prompts[number], **asdict(found)} for number, found in seen.items()]
    rows.sort(key=lambda row: (-row["near"], -row["shared"], row["prompt"]))
    return {
        "prompts": len(index.prompts),
        "shared": sum(found.shared > 0 for found in seen.values()),
        "near": sum(found.near > 0 for found in seen.values()),
        "seen": rows,
    }


def _summary(result: Mapping[str, Any]) -> list[str]:
    """A table of counts, then the worst prompts of each file beside what was seen of them."""
    lines = [
        f"Against {result['captions']:,} captions of {result['against']}:",
        "",
        f"| file | prompts | share {result['run']} words in a row | nearly a caption |",
        "| :-- | --: | --: | --: |",
    ]
    for name, file in result["files"].items():
        counts = (f"{file[kind]:,} ({100 * file[kind] / file['prompts']:.1f} %)" for kind in ("shared", "near"))
        lines.append(f"| {name} | {file['prompts']:,} | {' | '.join(counts)} |")
    for name, file in result["files"].items():
        lines += ["", f"{name}: {'the worst' if len(file['seen']) > SHOWN else 'seen'}"] if file["seen"] else []
        for row in file["seen"][:SHOWN]:
            lines.append(f"- {shortened(row['prompt'])}")
            if near := row["near_example"]:
                lines.append(f"    {row['near']:,} nearly the same, {near['sample_id']}: {shortened(near['caption'])}")
            if shared := row["shared_example"]:
                lines.append(f"    {row['shared']:,} share words, {shared['sample_id']}: {shortened(shared['words'])}")
    return lines
