"""What evaluations left in the folders of runs, read back to be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from curation import storage
from training.evaluation.compbench import Category, prompts_file, result_file
from training.evaluation.dpg.run import FILE as DPG_FILE
from training.evaluation.dpg.run import PROMPTS as DPG_PROMPTS
from training.evaluation.folders import FOLDER, result_path
from training.evaluation.prompt_scores import Prompt, read_prompt_scores
from training.evaluation.scores import PromptScore

Rule = Literal["legacy", "fixed"]

DPG = "DPG-Bench"
COMPBENCH = "T2I-CompBench"
FILES = {DPG: (DPG_FILE, DPG_PROMPTS)} | {
    f"{COMPBENCH} {category}": (result_file(category), prompts_file(category)) for category in get_args(Category)
}
"""What can be compared, and the two files that an evaluation leaves of it."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One benchmark, or one category of one, as a run did on it.

    Args:
        settings: what has to be the same in two runs for their scores to mean the same.
        prompts: by prompt_id.
        scores: what every prompt adds, by one rule.
    """

    settings: Mapping[str, Any]
    prompts: Mapping[str, Prompt]
    scores: Sequence[PromptScore]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run.

    Args:
        name: the shortest end of its folder's path that no other run has.
        folder: where it is.
        evaluations: by what was evaluated, see `FILES`.
    """

    name: str
    folder: str
    evaluations: Mapping[str, Evaluation]


def read_runs(folders: Sequence[str], rule: Rule) -> list[Run]:
    """Everything that was evaluated in `folders`, each a run's folder or the `evaluation` in it.

    Raises:
        ValueError: fewer than two folders, one twice, or one in which nothing was evaluated; or a file is damaged.
    """
    if len(folders) < 2:
        raise ValueError(f"{len(folders)} run: expected two or more to compare")
    places = [folder.rstrip("/").removesuffix(f"/{FOLDER}") for folder in folders]
    for place in places:
        if places.count(place) > 1:
            raise ValueError(f"{place}: named twice; expected different runs")
    return [_read(place, name, rule) for place, name in zip(places, names(places), strict=True)]


def _read(folder: str, name: str, rule: Rule) -> Run:
    evaluations = {}
    for what, (result_name, prompts_name) in FILES.items():
        result, prompts = result_path(folder, result_name), result_path(folder, prompts_name)
        if result and prompts:
            evaluations[what] = _evaluation(storage.read_json(result), prompts, rule)
    if not evaluations:
        raise ValueError(
            f"{folder}: no results there or in its evaluation/; run `ella evaluate dpg` on its images first"
        )
    return Run(name=name, folder=folder, evaluations=evaluations)


def _evaluation(result: Mapping[str, Any], prompts: str, rule: Rule) -> Evaluation:
    scores = read_prompt_scores(prompts)
    settings = {name: result[name] for name in ("judge", "models", "parser") if name in result}
    if "protocol" in result:
        settings["crops"] = result["protocol"]["crops"]
    return Evaluation(settings=settings, prompts=scores.prompts, scores=scores.rules.get(rule, []))


def names(places: Sequence[str]) -> list[str]:
    """The shortest ends of paths that tell them apart."""
    parts = [place.split("/") for place in places]
    length = 1
    while length < max(map(len, parts)) and len({tuple(part[-length:]) for part in parts}) < len(parts):
        length += 1
    return ["/".join(part[-length:]) for part in parts]
