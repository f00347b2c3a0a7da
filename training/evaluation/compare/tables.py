"""The paper's tables 3 and 4 for several runs, and how sure one can be of the differences.

Hu et al., ELLA, 2024: table 3 has T2I-CompBench from 0 to 1, table 4 DPG-Bench in percent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from training.evaluation.compare.runs import COMPBENCH, DPG, Run
from training.evaluation.compbench import Category
from training.evaluation.compbench.rules import SCORE
from training.evaluation.dpg.rules import LEVEL1, OVERALL
from training.evaluation.scores import Estimate, differences, values

MISSING = "-"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One score.

    Args:
        label: at the head of the column.
        evaluation: what was evaluated, see `runs.FILES`.
        score: its name there.
    """

    label: str
    evaluation: str
    score: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """Runs by scores, with what the runs after the first differ from it by.

    Args:
        title: what was measured.
        columns: those that some run has a score in.
        scale: 100 for percent.
        digits: after the point.
        scores: by run, then by column; a score that a run lacks is left out.
        changes: the same less the first run's, over the prompts that both have.
        notes: what one should know before comparing.
    """

    title: str
    columns: Sequence[Column]
    scale: float
    digits: int
    scores: Mapping[str, Mapping[str, float]]
    changes: Mapping[str, Mapping[str, Estimate]]
    notes: Sequence[str] = field(default_factory=list)

    def number(self, value: float) -> str:
        """A score as the paper prints it."""
        return f"{self.scale * value:.{self.digits}f}"

    def change(self, estimate: Estimate) -> str:
        """A difference and its interval."""
        value, low, high = (
            f"{self.scale * one:+.{self.digits}f}" for one in (estimate.value, estimate.low, estimate.high)
        )
        return f"{value} ({low} to {high})"


def is_sure(estimate: Estimate) -> bool:
    """Whether a difference's interval leaves out 0."""
    return estimate.low > 0 or estimate.high < 0


def tables(runs: Sequence[Run], *, seed: int = 0) -> list[Table]:
    """Table 3 and table 4, as far as the runs have been evaluated."""
    found = [_table(runs, columns, title, scale, digits, seed) for title, columns, scale, digits in _shapes(runs)]
    return [table for table in found if table.columns]


def _shapes(runs: Sequence[Run]) -> Iterable[tuple[str, list[Column], float, int]]:
    yield (
        COMPBENCH,
        [Column(label=category, evaluation=f"{COMPBENCH} {category}", score=SCORE) for category in get_args(Category)],
        1.0,
        4,
    )
    broad = ["global", "entity", "attribute", "relation", "other"]
    there = {name for run in runs if DPG in run.evaluations for name in values(run.evaluations[DPG].scores)}
    more = sorted(name.partition("/")[2] for name in there if name.startswith(f"{LEVEL1}/"))
    labels = [*broad, *(name for name in more if name not in broad)]
    average = Column(label="average", evaluation=DPG, score=OVERALL)
    yield (
        DPG,
        [average, *(Column(label=label, evaluation=DPG, score=f"{LEVEL1}/{label}") for label in labels)],
        100.0,
        2,
    )


def _table(runs: Sequence[Run], columns: Sequence[Column], title: str, scale: float, digits: int, seed: int) -> Table:
    scores = {run.name: _scores(run, columns) for run in runs}
    there = [column for column in columns if any(column.label in one for one in scores.values())]
    first, *others = runs
    changes = {run.name: _changes(first, run, there, seed) for run in others}
    notes = [note for run in others for note in _notes(first, run, there)]
    return Table(
        title=title, columns=there, scale=scale, digits=digits, scores=scores, changes=changes,
        notes=list(dict.fromkeys(notes)),
    )  # fmt: skip


def _scores(run: Run, columns: Sequence[Column]) -> dict[str, float]:
    known = {what: values(evaluation.scores) for what, evaluation in run.evaluations.items()}
    return {
        column.label: known[column.evaluation][column.score]
        for column in columns
        if column.score in known.get(column.evaluation, {})
    }


def _changes(first: Run, run: Run, columns: Sequence[Column], seed: int) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    for what in dict.fromkeys(column.evaluation for column in columns):
        if what in first.evaluations and what in run.evaluations:
            change, _ = differences(first.evaluations[what].scores, run.evaluations[what].scores, seed=seed)
            mine = (column for column in columns if column.evaluation == what)
            found |= {column.label: change[column.score] for column in mine if column.score in change}
    return found


def _notes(first: Run, run: Run, columns: Sequence[Column]) -> Iterable[str]:
    for what in dict.fromkeys(column.evaluation for column in columns):
        if what not in first.evaluations or what not in run.evaluations:
            continue
        one, other = first.evaluations[what], run.evaluations[what]
        unlike = [name for name in one.settings if one.settings[name] != other.settings.get(name)]
        if unlike:
            yield (
                f"{what}: {first.name} and {run.name} were not judged alike, so their scores do not compare: "
                f"they differ in {', '.join(unlike)}."
            )
        shared = len({score.prompt_id for score in one.scores} & {score.prompt_id for score in other.scores})
        if shared < max(len(one.scores), len(other.scores)):
            yield (
                f"{what}: differences of {run.name} are over the {shared:,} prompts that it shares with {first.name} "
                f"({len(other.scores):,} and {len(one.scores):,})."
            )


def markdown(table: Table) -> str:
    """The scores, and under them the differences from the first run; those whose interval leaves out 0 are bold."""
    header = [table.title, *(column.label for column in table.columns)]
    lines = [_line(header), _line([":--", *["--:"] * len(table.columns)])]
    for name, scores in table.scores.items():
        cells = (table.number(scores[c.label]) if c.label in scores else MISSING for c in table.columns)
        lines.append(_line([name, *cells]))
    first = next(iter(table.scores))
    for name, changes in table.changes.items():
        cells = (_change(table, changes.get(column.label)) for column in table.columns)
        lines.append(_line([f"{name} - {first}", *cells]))
    return "\n".join(["\n".join(lines), *(["", *table.notes] if table.notes else [])])


def _change(table: Table, estimate: Estimate | None) -> str:
    if estimate is None:
        return MISSING
    return f"**{table.change(estimate)}**" if is_sure(estimate) else table.change(estimate)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
