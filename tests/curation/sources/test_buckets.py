"""Tables in the order of their sample ids, within bounded memory."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.dataset import sample_id
from curation.sources import buckets
from curation.sources.buckets import Buckets, bucket_numbers, cut

SCHEMA = pa.schema([("sample_id", pa.string()), ("row", pa.int64())])


def _table(rows: list[tuple[str, int]]) -> pa.Table:
    return pa.table({"sample_id": [r[0] for r in rows], "row": [r[1] for r in rows]}, schema=SCHEMA)


def _sorted(rows: list[tuple[str, int]], batch: int, folder: Path | None = None) -> list[tuple[str, int]]:
    with Buckets(SCHEMA, str(folder) if folder else None) as spread:
        for start in range(0, len(rows), batch):
            table = _table(rows[start : start + batch])
            spread.add(table, bucket_numbers(table["sample_id"], len(rows)))
        tables = [table for _, table in spread.in_order()]
    return [(row["sample_id"], row["row"]) for table in tables for row in table.to_pylist()]


@pytest.mark.parametrize("batch", [1, 7, 1000])
@pytest.mark.parametrize("rows_per_bucket", [10, 1_000_000])
def test_rows_come_sorted_with_the_first_of_equal_ids(
    batch: int, rows_per_bucket: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "ROWS_PER_BUCKET", rows_per_bucket)
    monkeypatch.setattr(buckets, "BUFFER_BYTES", 2_000)  # so that a bucket is appended to several times
    rows = [(sample_id(str(number % 150)), number) for number in range(200)]
    expected = sorted((sample_id(str(number)), number) for number in range(150))
    assert _sorted(rows, batch) == expected


def test_no_bucket_is_much_over_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "ROWS_PER_BUCKET", 100)
    ids = pa.chunked_array([[sample_id(str(number)) for number in range(2000)]])
    numbers = bucket_numbers(ids, 2000)
    assert set(numbers.tolist()) == set(range(20))
    assert np.bincount(numbers).max() < 150
    order = np.argsort(np.array(ids.to_pylist()))
    assert (np.diff(numbers[order]) >= 0).all()  # buckets are ranges: one after another they are in order


def test_buckets_are_yielded_under_their_numbers_in_rising_order() -> None:
    with Buckets(SCHEMA) as spread:
        spread.add(_table([("b", 1), ("a", 2), ("c", 3)]), np.array([10, 9, 10]))
        found = [(number, table["row"].to_pylist()) for number, table in spread.in_order()]
    assert found == [(9, [2]), (10, [1, 3])]


def test_temporary_files_go_away_also_after_an_error(tmp_path: Path) -> None:
    def fail_while_spread() -> None:
        with Buckets(SCHEMA, str(tmp_path)) as spread:
            spread.add(_table([("a", 1)]), np.array([0]))
            next(iter(spread.in_order()))
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail_while_spread()
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.integers(0, 20), max_size=6), st.integers(1, 9))
def test_cut_keeps_every_row_in_order(sizes: list[int], rows: int) -> None:
    numbers = iter(range(sum(sizes)))
    tables = [_table([("id", next(numbers)) for _ in range(size)]) for size in sizes]
    shards = list(cut(tables, rows))
    pieces = [table["row"].to_pylist() for table in shards]
    assert all(table["row"].num_chunks == 1 for table in shards)  # Parquet's pages must not show where tables met
    assert [number for piece in pieces for number in piece] == list(range(sum(sizes)))
    assert all(len(piece) == rows for piece in pieces[:-1])
    assert all(pieces)
