"""The result on DPG-Bench for people: both rules side by side, and what one should know about the answers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from training.evaluation.dpg.benchmark import level1
from training.evaluation.dpg.rules import LEVEL1, LEVEL2, OVERALL
from training.evaluation.wording import named

_RULES = ("fixed", "legacy")
MISSING = "-"


def markdown(result: Mapping[str, Any]) -> str:
    """A Markdown table: overall, then each broad category with its detailed ones under it; percent, 95 % intervals."""
    header = ["", *(cell for rule in _RULES for cell in (rule, "95 %"))]
    lines = [_line(header), _line([":--", *["--:"] * (len(header) - 1)])]
    lines.append(_line(["**overall**", *_cells(result, OVERALL, None)]))
    details = _names(result, LEVEL2)
    for broad in _names(result, LEVEL1):
        lines.append(_line([f"**{broad}**", *_cells(result, LEVEL1, broad)]))
        under = (name for name in details if level1(name) == broad and name != broad)
        lines += [_line([name, *_cells(result, LEVEL2, name)]) for name in under]
    return "\n".join(lines)


def notes(result: Mapping[str, Any]) -> list[str]:
    """What a score alone does not say: answers that are neither, images that are missing, items that legacy lost."""
    answers, missing = result["answers"], result["missing"]
    said = []
    if answers["neither"]:
        examples = ", ".join(f"{text!r} {count:,} times" for text, count in answers["examples"].items())
        total = answers["yes"] + answers["no"] + answers["neither"]
        said.append(f"{answers['neither']:,} of {total:,} answers are neither yes nor no, and count as no: {examples}.")
    if missing:
        said.append(
            f"{len(missing):,} of {result['items']:,} items have no readable image, and score 0 in `fixed` and "
            f"nothing in `legacy`: {named(list(missing))}."
        )
    if result["unused_images"]:
        said.append(f"{len(result['unused_images']):,} images belong to no item: {named(result['unused_images'])}.")
    if result["broken"]:
        said.append(
            f"{len(result['broken']):,} faults of the table were passed over in `fixed`: {named(result['broken'])}."
        )
    lost = result["items"] - len(missing) - result["legacy"]["items"]
    if lost:
        said.append(f"`legacy` drops {lost:,} of the items that have an image, as the published script does.")
    return said


def _names(result: Mapping[str, Any], level: str) -> Sequence[str]:
    return sorted({name for rule in _RULES for name in result[rule][level]})


def _cells(result: Mapping[str, Any], level: str, name: str | None) -> Iterable[str]:
    for rule in _RULES:
        values, bounds = result[rule][level], result[rule]["intervals"][level]
        value = values if name is None else values.get(name)
        interval = bounds if name is None else bounds.get(name)
        yield MISSING if value is None else f"{value:.2f}"
        yield "" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
