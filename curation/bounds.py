"""A bound on one column of a shard: which values let an image through, and where the column is found."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation import storage
from curation.config_errors import nearest
from curation.dataset import Dataset, Shard
from curation.reasons import Reason
from curation.schemas import SCORES


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What a column must hold for an image to be kept; a row without a value is dropped, as nothing is known of it.

    Args:
        column: of the score file, or else of the source's own columns, such as `punsafe` or `watermark_score`.
        min: smallest number that is taken.
        max: largest number that is taken.
        equals: the one value that is taken: a text (`UNLIKELY`), a number, or true or false.

    Raises:
        ValueError: nothing is bounded, or nothing could pass.
    """

    column: str
    min: float | None = None
    max: float | None = None
    equals: bool | int | float | str | None = None

    def __post_init__(self) -> None:
        limits = [limit for limit in (self.min, self.max) if limit is not None]
        if bool(limits) == (self.equals is not None):
            raise ValueError(f"bound on {self.column}: expected min or max or both, or else equals")
        if not all(map(math.isfinite, limits)) or limits != sorted(limits):
            raise ValueError(f"bound on {self.column}: min={self.min}, max={self.max}: expected numbers, min <= max")

    def reason_to_drop(self, value: object) -> str | None:
        """None for a value to keep, or else a reason code with the column after a colon."""
        if isinstance(self.equals, str):
            usable, inside = isinstance(value, str), value == self.equals
        elif isinstance(value, bool | int | float) and math.isfinite(value):
            usable, inside = True, self._holds(value)
        else:
            usable = inside = False
        if not usable:
            return f"{Reason.NO_VALUE}:{self.column}"
        return None if inside else f"{Reason.OUT_OF_BOUNDS}:{self.column}"

    def _holds(self, value: float) -> bool:
        if self.equals is not None:
            return value == self.equals
        return (self.min is None or self.min <= value) and (self.max is None or value <= self.max)

    def check_type(self, kind: pa.DataType, path: str) -> None:
        """Refuse a column that no value of could pass.

        Raises:
            ValueError: the column holds text and numbers are asked for, or the other way round.
        """
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        if not (text if isinstance(self.equals, str) else number):
            asked = "a text" if isinstance(self.equals, str) else "a number"
            raise ValueError(f"{path}: column {self.column} is {kind}, and the bound on it asks for {asked}")


def check_bounds(bounds: Sequence[Bound], dataset: Dataset, shard: Shard) -> None:
    """Look for the columns of `bounds` in a shard, as far as its files are there.

    Raises:
        ValueError: a column is missing or of another kind; says what is there, and the nearest name.
    """
    urls = _schema(dataset.urls(shard))
    scores = _schema(dataset.scores(shard)) or SCORES
    for bound in bounds:
        if bound.column in scores.names:
            bound.check_type(scores.field(bound.column).type, dataset.scores(shard))
        elif urls is not None:
            _require(bound.column, [*scores.names, *urls.names], dataset.urls(shard))
            bound.check_type(urls.field(bound.column).type, dataset.urls(shard))


def read_columns(names: Sequence[str], sample_ids: Sequence[str], dataset: Dataset, shard: Shard) -> dict[str, Any]:
    """The values of columns by name, in the order of `sample_ids`.

    Args:
        names: of columns of the shard's score file or of its URL table; one that both have is the score file's.
        sample_ids: of the rows that are asked for; one that a table lacks has the value None.
        dataset: to read.
        shard: to read.

    Raises:
        ValueError: neither table has a column; says what is there, and the nearest name.
    """
    found: dict[str, Any] = {}
    known: list[str] = []
    for path in (dataset.scores(shard), dataset.urls(shard)):
        schema = _schema(path)
        known += schema.names if schema else []
        here = [name for name in names if name not in found and schema and name in schema.names]
        found |= _aligned(path, here, sample_ids) if here else {}
    for name in names:
        _require(name, known, dataset.urls(shard))
    return found


def _aligned(path: str, names: Sequence[str], sample_ids: Sequence[str]) -> dict[str, Any]:
    table = storage.read_table(path, list(dict.fromkeys(["sample_id", *names])))
    rows = {sample_id: row for row, sample_id in enumerate(table["sample_id"].to_pylist())}
    places = pa.array([rows.get(sample_id) for sample_id in sample_ids], pa.int64())
    return {name: table[name].take(places).to_pylist() for name in names}


def _require(name: str, there: Sequence[str], path: str) -> None:
    if name not in there:
        hint = nearest(name.lower(), there)
        raise ValueError(
            f"{path}: a bound needs column {name}, which neither it nor the score file has{hint}; "
            f"there are {', '.join(there)}"
        )


def _schema(path: str) -> pa.Schema | None:
    """The columns of the Parquet at `path`, or None while it is not there."""
    if not storage.exists(path):
        return None
    with storage.open_read(path) as file:
        try:
            return pq.read_schema(file)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{path}: not a whole Parquet file ({error}); delete it to have it made again") from error
