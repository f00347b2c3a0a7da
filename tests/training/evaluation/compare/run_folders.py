"""Folders of runs as evaluations leave them, with scores that are given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from curation import storage
from training.evaluation.prompt_scores import Prompt, PromptScores, write_prompt_scores
from training.evaluation.scores import Part, PromptScore

Scores = Mapping[str, Mapping[str, Part]]
"""What each prompt adds to each score."""


def save_run(
    folder: Path, scores: Scores, *, what: str = "dpg", files: Mapping[str, Any] | None = None, settings: Any = "judge"
) -> str:
    """A run with images of one colour each, whose `fixed` scores are given and whose `legacy` ones are half of them.

    Args:
        folder: of the run.
        scores: by prompt.
        what: start of the names of its files.
        files: image of a prompt instead of the usual one; None for none.
        settings: who judged.
    """
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    prompts = {}
    for number, name in enumerate(scores):
        path = images / f"{name}.png"
        Image.new("RGB", (600, 400), (40 * number, 100, 50)).save(path)
        prompts[name] = Prompt(text=f"prompt <{name}>", image=(files or {}).get(name, str(path)))
    fixed = [PromptScore(prompt_id=name, parts=dict(parts)) for name, parts in scores.items()]
    legacy = [
        PromptScore(prompt_id=name, parts={key: (total / 2, count) for key, (total, count) in parts.items()})
        for name, parts in scores.items()
    ]
    results = str(folder / "evaluation")
    rules = {"legacy": legacy, "fixed": fixed}
    write_prompt_scores(f"{results}/{what}_prompts.parquet", PromptScores(prompts=prompts, rules=rules))
    storage.write_json(f"{results}/{what}.json", {"judge": settings, "protocol": {"crops": 4}})
    return str(folder)


def dpg(overall: float, entity: Part = (1, 2)) -> dict[str, Part]:
    return {"overall": (overall, 1), "level1/entity": entity, "level2/entity - whole": entity}
