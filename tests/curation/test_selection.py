"""Select: thresholds, their edges, and a reason for every drop."""

import math
from pathlib import Path

import pyarrow as pa
import pytest

from curation import storage
from curation.dataset import Dataset, Shard
from curation.reasons import Reason
from curation.schemas import SCORES, SELECTION
from curation.selection import Select

SHARD = Shard(index=3)


@pytest.mark.parametrize(
    ("aesthetic", "short_edge", "reason"),
    [
        (6.0001, 512, None),
        (9.0, 4000, None),
        (6.0, 512, Reason.AESTHETIC),
        (-1.0, 512, Reason.AESTHETIC),
        (6.0001, 511, Reason.SHORT_EDGE),
        (1.0, 511, Reason.SHORT_EDGE),
        (None, 511, Reason.NO_SCORE),
        (None, 512, Reason.NO_SCORE),
        (math.nan, 512, Reason.NO_SCORE),
        (math.inf, 512, Reason.NO_SCORE),
        ("7.0", 512, Reason.NO_SCORE),
        (7.0, None, Reason.NO_SCORE),
    ],
)
def test_the_first_reason_that_applies(aesthetic: object, short_edge: object, reason: Reason | None) -> None:
    assert Select().reason_to_drop(aesthetic, short_edge) == reason


def test_thresholds_are_settings() -> None:
    assert Select(min_aesthetic=5.0).reason_to_drop(5.5, 512) is None
    assert Select(min_short_edge=256).reason_to_drop(6.5, 256) is None
    assert Select(min_aesthetic=7.0).reason_to_drop(6.5, 512) == Reason.AESTHETIC


def test_every_score_becomes_a_row(tmp_path: Path) -> None:
    dataset, stage = Dataset(str(tmp_path)), Select()
    scores = {
        "key": ["d", "b", "c", "a", "e"],
        "sample_id": ["4", "2", "3", "1", "5"],
        "aesthetic": [6.5, 5.0, None, 7.0, math.nan],
        "short_edge": [512, 512, 512, 100, 600],
    }
    storage.write_table(dataset.scores(SHARD), pa.table(scores, schema=SCORES))
    result = stage.process(dataset, SHARD)
    selection = storage.read_table(stage.output(dataset, SHARD))
    assert selection.schema.equals(SELECTION)
    assert selection.to_pydict() == {
        "key": ["a", "b", "c", "d", "e"],
        "sample_id": ["1", "2", "3", "4", "5"],
        "kept": [False, False, False, True, False],
        "reason": ["short_edge", "aesthetic", "no_score", None, "no_score"],
    }
    assert (result.rows, result.kept) == (5, 1)
    assert result.rejects == {"short_edge": 1, "aesthetic": 1, "no_score": 2}


def test_an_empty_shard_gives_an_empty_selection(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    storage.write_table(dataset.scores(SHARD), SCORES.empty_table())
    assert Select().process(dataset, SHARD).rows == 0
    assert storage.read_table(dataset.selection(SHARD)).num_rows == 0


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    storage.write_table(dataset.scores(SHARD), SCORES.empty_table().drop_columns(["aesthetic"]))
    with pytest.raises(ValueError, match="no column aesthetic"):
        Select().process(dataset, SHARD)
