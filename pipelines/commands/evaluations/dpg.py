"""`ella evaluate dpg IMAGES`: DPG-Bench by both rules."""

from collections.abc import Sequence

from pipelines.commands.arguments import command_parser, parse
from pipelines.commands.evaluations.judging import add_judge, answering, make_judge, without_aliases
from pipelines.errors import refusing
from training.evaluation.dpg.benchmark import read_benchmark
from training.evaluation.dpg.images import Protocol, find
from training.evaluation.dpg.run import FILE, evaluate
from training.evaluation.dpg.table import markdown, notes
from training.evaluation.folders import beside


def main(args: Sequence[str]) -> int:
    """Judge what is not judged yet, and print both scores."""
    parser = command_parser(
        "evaluate dpg",
        "IMAGES --csv FILE --judge JUDGE [options]",
        "Score images on DPG-Bench: by the published rule (legacy) and by the same rule without its known faults "
        "(fixed), overall and by both levels of category, in percent with 95 % intervals over prompts. Every answer is "
        "kept in answers.parquet, so the same command asks only what is missing.",
        [
            "ella evaluate dpg runs/ella/images --csv dpg_bench.csv --judge mplug",
            "ella evaluate dpg runs/ella/images --csv dpg_bench.csv --judge chat "
            "--judge.model Qwen/Qwen2.5-VL-7B-Instruct",
            "ella evaluate dpg runs/ella/images --csv dpg_bench.csv --judge openai --judge.url http://host:8000/v1 "
            "--judge.model qwen --workers 2",
            "ella evaluate dpg --judge.help blip",
        ],
    )
    parser.add_argument("images", type=str, help="a folder of 2x2 grids, each named after its item_id")
    parser.add_argument("--csv", type=str, required=True, help="DPG-Bench's dpg_bench.csv")
    parser.add_argument("--output", type=str, default="", help="where results go; evaluation/ beside IMAGES without")
    parser.add_argument("--resolution", type=int, default=512, help="side of one image of the grid, in pixels")
    parser.add_argument(
        "--crops", type=int, default=4, help="images of the grid that count; the published script's own default is 1"
    )
    parser.add_argument(
        "--allow-missing", action="store_true", help="score a prompt without a readable image 0 instead of stopping"
    )
    parser.add_argument(
        "--allow-broken", action="store_true", help="do without dependencies that lead nowhere or in a circle"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the prompts that are drawn for the intervals")
    add_judge(parser)
    options = parse(parser, without_aliases(args))
    judge = make_judge(parser, options)
    with refusing():
        protocol = Protocol(**{name: options[name] for name in Protocol.__dataclass_fields__})
        benchmark = read_benchmark(options.csv, allow_broken=options.allow_broken)
        images = find(options.images, benchmark, protocol)
    output = options.output or beside(options.images)
    with answering() as progress:
        result = evaluate(
            images, benchmark, judge, output, protocol=protocol, workers=options.workers, progress=progress
        )
    print("\n".join([markdown(result), "", *notes(result)]))
    print(f"result: {output.rstrip('/')}/{FILE}")
    return 0
