from pathlib import Path

import pytest

from curation.bounds import Bound
from curation.dataset import Dataset
from curation.selection import Select
from pipelines.compare import compare, comparison_table, selections
from tests.pipelines.shards import write_branch


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Two shards of 9 images: in each, one scores 5 and eight 6.5; alt-text is null for one and "alt N" otherwise."""
    return write_branch(str(tmp_path / "laion"), source="laion", shards=2, rows=10, captions="new")


def _select(dataset: Dataset, stage: Select) -> None:
    for shard in dataset.shards():
        stage.process(dataset, shard)


def test_images_are_counted_by_who_keeps_them_and_why_the_other_does_not(dataset: Dataset) -> None:
    alt = Bound(column="alt_text", equals="alt 15")
    _select(dataset, Select(name="loose", min_aesthetic=4.0))
    _select(dataset, Select(name="one", min_aesthetic=4.0, bounds=[alt]))
    _select(dataset, Select(name="large", min_short_edge=2000))
    [one] = compare(dataset.root, "selection", "loose")
    assert (one.shards, one.rows, one.both, one.neither) == (2, 18, 16, 0)
    assert (one.only_first, one.only_second) == ({}, {"aesthetic": 2})
    [one] = compare(dataset.root, "selection", "one")
    assert (one.both, one.neither) == (1, 2)
    assert one.only_first == {"out_of_bounds:alt_text": 13, "no_value:alt_text": 2}
    [one] = compare(dataset.root, "large", "loose")
    assert (one.both, one.neither, one.only_second) == (0, 0, {"short_edge": 18})
    assert one.rows == one.both + one.neither + one.only_first.total() + one.only_second.total()


def test_only_what_both_have_judged_is_counted(dataset: Dataset) -> None:
    Select(name="loose", min_aesthetic=4.0).process(dataset, dataset.shards()[1])
    [one] = compare(dataset.root, "selection", "loose")
    assert (one.shards, one.rows) == (1, 9)


def test_selections_that_are_not_there_are_refused_with_those_that_are(dataset: Dataset) -> None:
    _select(dataset, Select(name="loose"))
    assert selections(dataset) == ["selection", "loose"]
    with pytest.raises(ValueError, match="no shard has both selections loose and tight; there are: loose, selection"):
        compare(dataset.root, "loose", "tight")


def test_the_table_has_a_row_a_reason(dataset: Dataset) -> None:
    _select(dataset, Select(name="loose", min_aesthetic=4.0))
    table = comparison_table(compare(dataset.root, "selection", "loose"), "selection", "loose")
    cells = [list(column.cells) for column in table.columns]
    row = cells[0].index("  selection says aesthetic")
    assert cells[1][row] == "2"
    assert cells[2][row] == "The aesthetic score is not over the threshold."
