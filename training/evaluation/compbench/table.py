"""The result on a category of T2I-CompBench for people, and what one should know about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.evaluation.wording import named


def markdown(result: Mapping[str, Any], *, rules: Sequence[str]) -> str:
    """A Markdown table with a row for each of `rules`: `legacy`, `fixed`."""
    lines = ["| rule | score | 95 % | prompts |", "| :-- | --: | --: | --: |"]
    for rule in rules:
        row = result[rule]
        if row["score"] is None:
            lines.append(f"| {rule} | - |  | 0 |")
            continue
        low, high = row["interval"]
        lines.append(f"| {rule} | {row['score']:.4f} | {low:.4f} to {high:.4f} | {row['prompts']:,} |")
    return "\n".join(lines)


def notes(result: Mapping[str, Any], images_per_prompt: int) -> list[str]:
    """What a score alone does not say: who was asked, and what is missing."""
    said = [
        f"Things, nouns and verbs of the prompts were found by {result['parser']}; published: spaCy en_core_web_sm."
    ]
    if "spatial" in result["models"]:
        said.append(
            f"Boxes are those of {result['models']['spatial']['model']}, and not of UniDet, so a score with boxes "
            "in it does not compare with published ones."
        )
    missing = len(result["unreadable"]) + len(result["undrawn"])
    if missing:
        said.append(
            f"No image to judge for {missing:,}, which score 0 in `fixed` and are left out of `legacy`: "
            f"{named([*map(repr, result['undrawn']), *result['unreadable']])}."
        )
    if result["silent"]:
        said.append(
            f"{len(result['silent']):,} prompts give nothing to judge by and are left out of `fixed`: "
            f"{named([repr(prompt) for prompt in result['silent']])}."
        )
    expected = images_per_prompt * result["prompts"]
    if result["drawings"] != expected:
        said.append(
            f"{result['drawings']:,} images of {result['prompts']:,} prompts; the benchmark has {images_per_prompt} "
            f"a prompt, which would be {expected:,}."
        )
    return said
