"""`ella evaluate t2i-compbench IMAGES --category CATEGORY`: a category of T2I-CompBench."""

from collections.abc import Sequence
from typing import get_args

from curation import storage
from pipelines.commands.arguments import command_parser, parse
from pipelines.commands.evaluations.judging import add_judge, answering, make_judge, without_aliases
from pipelines.errors import refusing
from training.evaluation.compbench import Category, result_file
from training.evaluation.compbench.attributes import IMAGE_SIZE
from training.evaluation.compbench.clip import ClipSimilarity
from training.evaluation.compbench.detector import Detector
from training.evaluation.compbench.images import find
from training.evaluation.compbench.language import ParserName, make_parser
from training.evaluation.compbench.rules import Kind, Rules
from training.evaluation.compbench.run import Models, evaluate
from training.evaluation.compbench.table import markdown, notes
from training.evaluation.folders import beside

IMAGES_PER_PROMPT = 10
KINDS = get_args(Kind)


def main(args: Sequence[str]) -> int:
    """Judge what is not judged yet, and print the score."""
    parser = command_parser(
        "evaluate t2i-compbench",
        "IMAGES --category CATEGORY [options]",
        "Score images on a category of T2I-CompBench by the published rules, from 0 to 1, with 95 % intervals over "
        "prompts: BLIP-VQA for color, shape and texture, boxes for spatial, CLIPScore for non-spatial, all three for "
        "complex. Every answer is kept in answers.parquet, so the same command asks only what is missing.",
        [
            "ella evaluate t2i-compbench runs/ella/color --category color",
            "ella evaluate t2i-compbench runs/ella/spatial --category spatial --fixed",
            "ella evaluate t2i-compbench runs/ella/complex --category complex --spatial-prompts "
            "complex_val_spatial.txt --action-prompts complex_val_action.txt --both-prompts "
            "complex_val_spatial_action.txt",
            "ella evaluate t2i-compbench runs/ella/color --category color --judge chat --judge.model "
            "Qwen/Qwen2.5-VL-7B-Instruct",
        ],
    )
    parser.add_argument("images", type=str, help="a folder of images, each named <prompt>_<6 digits>.png")
    parser.add_argument("--category", type=Category, required=True, help=f"one of {', '.join(get_args(Category))}")
    parser.add_argument("--fixed", action="store_true", help="show the score without the rules' known faults as well")
    parser.add_argument("--output", type=str, default="", help="where results go; evaluation/ beside IMAGES without")
    parser.add_argument("--prompts", type=str, default="", help="the category's prompts, one a line: all must be there")
    for kind in KINDS:
        help_text = f"complex prompts of the kind {kind!r}, one a line; told by their words without"
        parser.add_argument(f"--{kind}-prompts", type=str, default="", help=help_text)
    parser.add_argument(
        "--allow-missing", action="store_true", help="score what has no readable image 0 instead of stopping"
    )
    parser.add_argument("--parser", type=ParserName, default="auto", help="finds things in prompts: spacy or nltk")
    parser.add_argument("--seed", type=int, default=0, help="of the prompts that are drawn for the intervals")
    add_judge(parser)
    parser.set_defaults({"judge": {"class_path": "VQAJudge", "init_args": {"image_size": IMAGE_SIZE}}})
    parser.add_class_arguments(Detector, "detector")
    parser.add_class_arguments(ClipSimilarity, "clip")
    options = parse(parser, without_aliases(args))
    judge = make_judge(parser, options)
    built = parser.instantiate(options)
    with refusing():
        built.detector.check()
        rules = Rules(
            category=options.category,
            parser=make_parser(options.parser),
            kinds={prompt: kind for kind in KINDS for prompt in _lines(options[f"{kind}_prompts"])},
        )
        drawings = find(options.images, _lines(options.prompts), allow_missing=options.allow_missing)
    output = options.output or beside(options.images)
    models = Models(judge=judge, detector=built.detector, clip=built.clip)
    with answering() as progress:
        result = evaluate(
            drawings, rules, models, output, workers=options.workers, seed=options.seed, progress=progress
        )
    print(markdown(result, rules=("legacy", "fixed") if options.fixed else ("legacy",)))
    print("\n".join(["", *notes(result, IMAGES_PER_PROMPT)]))
    print(f"result: {storage.join(output, result_file(options.category))}")
    return 0


def _lines(path: str) -> list[str]:
    """The lines of a file that are not empty; none without a file.

    Raises:
        OSError: there is no such file.
        ValueError: it is not UTF-8, or holds nothing.
    """
    if not path:
        return []
    with storage.open_read(path) as file:
        lines = [line.strip() for line in file.read().decode().splitlines()]
    if not any(lines):
        raise ValueError(f"{path}: no prompts there; expected one a line")
    return [line for line in lines if line]
