import math
from pathlib import Path

import pyarrow as pa
import pytest

from curation import storage
from curation.bounds import Bound, check_bounds, read_columns
from curation.dataset import Dataset, Shard

SHARD = Shard(index=0)


@pytest.mark.parametrize(
    ("bound", "inside", "outside", "unusable"),
    [
        (Bound(column="c", min=1), [1, 1.5, 9**9], [0.999, -1], [None, math.nan, math.inf, "2"]),
        (Bound(column="c", max=0.5), [0.5, -3], [0.501, 1, True], [None, math.nan, -math.inf, ""]),
        (Bound(column="c", min=0, max=0), [0, 0.0, False], [-0.1, 0.1], [None]),
        (Bound(column="c", equals="UNLIKELY"), ["UNLIKELY"], ["unlikely", ""], [None, 1.0]),
        (Bound(column="c", equals=0), [0, 0.0, False], [1, True], [None, math.nan, "0"]),
        (Bound(column="c", equals=False), [False], [True], [None]),
    ],
)
def test_a_value_is_inside_outside_or_none(
    bound: Bound, inside: list[object], outside: list[object], unusable: list[object]
) -> None:
    assert [bound.reason_to_drop(value) for value in inside] == [None] * len(inside)
    assert {bound.reason_to_drop(value) for value in outside} == {"out_of_bounds:c"}
    assert {bound.reason_to_drop(value) for value in unusable} == {"no_value:c"}


@pytest.mark.parametrize(
    "limits", [{}, {"min": 1, "equals": 1}, {"min": 2, "max": 1}, {"min": math.nan}, {"max": math.inf}]
)
def test_a_bound_that_bounds_nothing_or_everything_is_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="bound on c"):
        Bound(column="c", **limits)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    dataset = Dataset(str(tmp_path))
    urls = pa.table({"sample_id": ["b", "a", "c"], "nsfw": ["N", None, "U"], "size": [2, 1, 3], "both": [0, 0, 0]})
    storage.write_table(dataset.urls(SHARD), urls)
    storage.write_table(dataset.scores(SHARD), pa.table({"sample_id": ["a", "c"], "both": [1.0, 3.0]}))
    return dataset


def test_columns_are_joined_by_sample_and_the_score_files_own_come_first(dataset: Dataset) -> None:
    found = read_columns(["nsfw", "both", "size"], ["c", "a", "unknown"], dataset, SHARD)
    assert found == {"nsfw": ["U", None, None], "size": [3, 1, None], "both": [3.0, 1.0, None]}
    assert read_columns([], ["c"], dataset, SHARD) == {}


def test_a_bound_of_the_wrong_kind_is_refused(dataset: Dataset) -> None:
    check_bounds([Bound(column="nsfw", equals="U"), Bound(column="size", min=1)], dataset, SHARD)
    with pytest.raises(ValueError, match=r"column nsfw is string, .* asks for a number"):
        check_bounds([Bound(column="nsfw", max=0.5)], dataset, SHARD)
    with pytest.raises(ValueError, match=r"column size is int64, .* asks for a text"):
        check_bounds([Bound(column="size", equals="1")], dataset, SHARD)


def test_a_damaged_table_is_named(dataset: Dataset) -> None:
    Path(dataset.urls(SHARD)).write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"urls/00000\.parquet: not a whole Parquet"):
        check_bounds([Bound(column="size", min=1)], dataset, SHARD)
