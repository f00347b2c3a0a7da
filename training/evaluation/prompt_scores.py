"""What every prompt adds to every score, as one Parquet file beside a benchmark's result: runs are compared by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from curation import storage
from training.evaluation.scores import Part, PromptScore

SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.string(), nullable=False),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("image", pa.string()),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("score", pa.string(), nullable=False),
        pa.field("sum", pa.float64(), nullable=False),
        pa.field("count", pa.float64(), nullable=False),
    ]
)
"""`image` is a path, null where there is none; a score of a `rule` is the sum of `sum` over the sum of `count`. Sorted
by rule, prompt_id and score."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One prompt of a benchmark.

    Args:
        text: what was to be drawn.
        image: path of what was drawn, the first where there are several; None where there is nothing.
    """

    text: str
    image: str | None


@dataclass(frozen=True, kw_only=True)
class PromptScores:
    """A benchmark's scores, prompt by prompt.

    Args:
        prompts: by prompt_id.
        rules: name of a rule, `fixed` or `legacy`, to what each prompt adds by it.
    """

    prompts: Mapping[str, Prompt]
    rules: Mapping[str, Sequence[PromptScore]]


def write_prompt_scores(path: str, scores: PromptScores) -> None:
    """Write `scores` to `path`: the same scores, the same bytes, whatever their order."""
    rows = [
        {
            "prompt_id": one.prompt_id,
            "prompt": scores.prompts[one.prompt_id].text,
            "image": scores.prompts[one.prompt_id].image,
            "rule": rule,
            "score": name,
            "sum": total,
            "count": count,
        }
        for rule, prompts in scores.rules.items()
        for one in prompts
        for name, (total, count) in one.parts.items()
    ]
    table = pa.Table.from_pylist(rows, SCHEMA)
    storage.write_table(path, table.sort_by([(key, "ascending") for key in ("rule", "prompt_id", "score")]))


def read_prompt_scores(path: str) -> PromptScores:
    """The scores at `path`.

    Raises:
        ValueError: the file is damaged, or no such file; names it.
    """
    prompts: dict[str, Prompt] = {}
    rules: dict[str, dict[str, dict[str, Part]]] = {}
    for row in storage.read_table(path, SCHEMA.names).to_pylist():
        prompts[row["prompt_id"]] = Prompt(text=row["prompt"], image=row["image"])
        parts = rules.setdefault(row["rule"], {}).setdefault(row["prompt_id"], {})
        parts[row["score"]] = (row["sum"], row["count"])
    return PromptScores(
        prompts=prompts,
        rules={
            rule: [PromptScore(prompt_id=prompt_id, parts=parts) for prompt_id, parts in by_id.items()]
            for rule, by_id in rules.items()
        },
    )
