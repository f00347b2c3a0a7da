"""Prompts with their names, from a command line or from a benchmark's file."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from curation import storage
from curation.config_errors import nearest
from training.errors import SettingsError

TEXT_COLUMNS = ("prompt", "text", "caption")
NAME_COLUMNS = ("item_id", "id", "key", "sample_id")
"""Looked for in this order, whatever their case, where no column is named."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One text to draw.

    Args:
        name: what its images are called; its number where the file gives it none.
        text: the prompt.
    """

    name: str
    text: str


def numbered(texts: Iterable[str]) -> list[Prompt]:
    """Prompts named `00000`, `00001`, ..."""
    return [Prompt(name=f"{number:05d}", text=text) for number, text in enumerate(texts)]


def read_prompts(path: str, column: str | None = None) -> list[Prompt]:
    """The prompts in the file at `path`, in its order; one that has several rows, as in DPG-Bench's table, once.

    Args:
        path: `.jsonl`, `.csv` or `.tsv` with a column `prompt`, `text` or `caption`, and perhaps `item_id`, `id`,
            `key` or `sample_id`; anything else is plain text with a prompt a line.
        column: of the texts, under another name.

    Raises:
        SettingsError: there is no such file or column, a row is damaged or empty, a name has two prompts, or there
            is no prompt at all.
    """
    try:
        text = storage.read_text(path)
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: no such file; expected a .txt, .jsonl, .csv or .tsv file of prompts") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from error
    prompts = _once(path, _prompts(path, text.removeprefix("\ufeff"), column))
    if not prompts:
        raise SettingsError(f"{path}: no prompt in it")
    return prompts


def _prompts(path: str, text: str, column: str | None) -> Iterator[Prompt]:
    suffix = PurePath(path).suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return _from_rows(path, _json_rows(path, text), column)
    if suffix in (".csv", ".tsv"):
        return _from_rows(path, _table_rows(text, "," if suffix == ".csv" else "\t"), column)
    if column:
        raise SettingsError(f"{path}: a plain text file has no column {column!r}")
    return iter(numbered(line.strip() for line in text.split("\n") if line.strip()))


def _table_rows(text: str, delimiter: str) -> Iterator[tuple[int, dict[str, object]]]:
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    for row in rows:
        yield rows.line_num, {name: value for name, value in row.items() if name is not None}


def _json_rows(path: str, text: str) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise SettingsError(f"{path}: line {number} is not JSON ({error.msg})") from error
        if not isinstance(row, dict):
            raise SettingsError(f"{path}: line {number} is {type(row).__name__}; expected an object with a prompt")
        yield number, row


def _from_rows(path: str, rows: Iterable[tuple[int, dict[str, object]]], column: str | None) -> Iterator[Prompt]:
    for number, (line, row) in enumerate(rows):
        text_column = _column(path, list(row), column)
        name_column = _known(list(row), NAME_COLUMNS)
        text = row[text_column]
        if not isinstance(text, str) or not text.strip():
            raise SettingsError(f"{path}: line {line} has no text in {text_column!r} (got {text!r})")
        yield Prompt(name=f"{number:05d}" if name_column is None else str(row[name_column]), text=text.strip())


def _column(path: str, names: Sequence[str], column: str | None) -> str:
    if column is None:
        found = _known(names, TEXT_COLUMNS)
        if found is not None:
            return found
        wanted = ", ".join(TEXT_COLUMNS)
        raise SettingsError(
            f"{path}: no column {wanted}; name the prompts' with --column: {', '.join(map(str, names))}"
        )
    if column not in names:
        raise SettingsError(f"{path}: no column {column!r}{nearest(column, names)}; it has {', '.join(names)}")
    return column


def _known(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    by_case = {str(name).lower(): name for name in names}
    return next((by_case[name] for name in wanted if name in by_case), None)


def _once(path: str, prompts: Iterable[Prompt]) -> list[Prompt]:
    """Each name once."""
    by_name: dict[str, Prompt] = {}
    for prompt in prompts:
        other = by_name.setdefault(prompt.name, prompt)
        if other.text != prompt.text:
            raise SettingsError(
                f"{path}: {prompt.name!r} names two prompts, {other.text[:40]!r} and {prompt.text[:40]!r}"
            )
    return list(by_name.values())
