"""DPG-Bench's own table: prompts, their propositions, and which proposition another one depends on."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from curation import storage
from curation.config_errors import nearest

COLUMNS = ("item_id", "text", "proposition_id", "dependency", "tuple", "question_natural_language")
_NAMED = 5
"""Faults that an error names; the rest are counted."""


@dataclass(frozen=True, kw_only=True)
class Proposition:
    """One thing that a prompt says, and the question that finds out whether an image shows it.

    Args:
        item_id: of the prompt.
        number: of the proposition, within its prompt.
        parents: numbers of those that must hold for this one to make sense.
        category: level 2, `entity - whole`.
        question: to be answered with yes or no.
    """

    item_id: str
    number: int
    parents: tuple[int, ...]
    category: str
    question: str


@dataclass(frozen=True, kw_only=True)
class Item:
    """One prompt.

    Args:
        item_id: what its image is named after.
        text: the prompt.
        propositions: by number, parents before their children.
    """

    item_id: str
    text: str
    propositions: Mapping[int, Proposition]

    @property
    def questions(self) -> list[str]:
        """What to ask about each of its images; sorted, and each once."""
        return sorted({proposition.question for proposition in self.propositions.values()})


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """The whole table.

    Args:
        rows: in the order of the file, which the published script depends on.
        texts: item_id to prompt.
        broken: what is wrong with the dependencies, in words; `items` has done without these.
    """

    rows: Sequence[Proposition]
    texts: Mapping[str, str]
    broken: Sequence[str] = ()

    @cached_property
    def items(self) -> dict[str, Item]:
        """Prompts by item_id, sorted: nothing here depends on the order of rows."""
        grouped: dict[str, list[Proposition]] = {item_id: [] for item_id in sorted(self.texts)}
        for row in self.rows:
            grouped[row.item_id].append(row)
        return {item_id: _item(item_id, self.texts[item_id], rows) for item_id, rows in grouped.items()}


def level1(category: str) -> str:
    """The broad category of a level-2 one: `entity` of `entity - whole`."""
    return category.split("-")[0].strip()


def read_benchmark(path: str, *, allow_broken: bool = False) -> Benchmark:
    """The table of `dpg_bench.csv`.

    Args:
        path: of the CSV file.
        allow_broken: do without dependencies that lead nowhere or in a circle, and let the last of several rows of one
            number stand, instead of refusing them.

    Raises:
        ValueError: a column is missing, there are no rows, a row says nothing that can be asked, or dependencies are
            broken; names the rows.
    """
    rows = _read(path)
    propositions, faults = [], []
    for line, row in rows:
        try:
            propositions.append(_proposition(row))
        except ValueError as error:
            faults.append(f"line {line}: {error}")
    _refuse(path, faults)
    texts: dict[str, str] = {}
    for _, row in rows:
        texts[row["item_id"].strip()] = texts.get(row["item_id"].strip()) or row["text"].strip()
    broken = list(_broken(propositions))
    if not allow_broken:
        _refuse(path, broken, "; --allow-broken does without these dependencies")
    return Benchmark(rows=propositions, texts=texts, broken=broken)


def _read(path: str) -> list[tuple[int, dict[str, str]]]:
    """Rows with the lines that they end on."""
    with storage.open_read(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        try:
            reader = csv.DictReader(text, restval="")
            there = list(reader.fieldnames or [])
            rows = [(reader.line_num, row) for row in reader]
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path}: not a CSV file in UTF-8 ({error})") from error
    for column in COLUMNS:
        if column not in there:
            hint = nearest(column, there)
            raise ValueError(f"{path}: no column {column}{hint}; it has {', '.join(there) or 'none'}")
    if not rows:
        raise ValueError(f"{path}: no rows under the header; expected DPG-Bench's dpg_bench.csv")
    return rows


def _proposition(row: Mapping[str, str]) -> Proposition:
    item_id, category = row["item_id"].strip(), row["tuple"].split("(")[0].strip()
    for name, value in (("item_id", item_id), ("tuple", category), ("question", row["question_natural_language"])):
        if not value.strip():
            raise ValueError(f"empty {name}")
    parents = (_number(part, "dependency") for part in row["dependency"].split(","))
    return Proposition(
        item_id=item_id,
        number=_number(row["proposition_id"], "proposition_id"),
        parents=tuple(parent for parent in parents if parent),  # 0 stands for none
        category=category,
        question=row["question_natural_language"],
    )


def _number(text: str, column: str) -> int:
    if not text.strip().isdecimal():
        raise ValueError(f"{column} is {text!r}: expected a whole number")
    return int(text)


def _broken(rows: Iterable[Proposition]) -> Iterable[str]:
    """What is wrong with the dependencies, prompt by prompt."""
    grouped: dict[str, list[Proposition]] = {}
    for row in rows:
        grouped.setdefault(row.item_id, []).append(row)
    for item_id, propositions in grouped.items():
        numbers = [proposition.number for proposition in propositions]
        for number in sorted({number for number in numbers if numbers.count(number) > 1}):
            yield f"item {item_id}: proposition {number} is there {numbers.count(number)} times"
        for proposition in propositions:
            for parent in sorted(set(proposition.parents).difference(numbers)):
                yield f"item {item_id}: proposition {proposition.number} depends on {parent}, which is not there"
        circle = _circle(propositions)
        if circle:
            yield f"item {item_id}: propositions depend on each other in a circle, {' -> '.join(map(str, circle))}"


def _circle(propositions: Iterable[Proposition]) -> list[int]:
    try:
        _sorter(propositions).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _sorter(propositions: Iterable[Proposition]) -> TopologicalSorter[int]:
    return TopologicalSorter({proposition.number: proposition.parents for proposition in propositions})


def _item(item_id: str, text: str, rows: Sequence[Proposition]) -> Item:
    by_number = {row.number: row for row in rows}
    by_number = {
        number: replace(row, parents=tuple(parent for parent in row.parents if parent in by_number))
        for number, row in by_number.items()
    }
    while circle := set(_circle(by_number.values())):
        for number in circle:
            outside = tuple(parent for parent in by_number[number].parents if parent not in circle)
            by_number[number] = replace(by_number[number], parents=outside)
    order = _sorter(by_number.values()).static_order()
    return Item(item_id=item_id, text=text, propositions={number: by_number[number] for number in order})


def _refuse(path: str, faults: Sequence[str], hint: str = "") -> None:
    if faults:
        more = f"; and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
        raise ValueError(f"{path}: {'; '.join(faults[:_NAMED])}{more}. Repair these rows, or take them out{hint}")
