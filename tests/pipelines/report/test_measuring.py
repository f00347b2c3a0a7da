import random

import pyarrow as pa
import pytest

from captioning.statistics import caption_statistics
from curation.dataset import Shard
from pipelines.report.measuring import TEXTS, Measured, draw, measure

ROWS = [
    ("03", "laion", "new", "a red cat", "cat"),
    ("01", "laion", "new", "two dogs on a mat", None),
    ("02", "coyo", "new", "一只猫", ""),
    ("04", "laion", "other", "a cat", "cat"),
]


def table(rows: list[tuple[str | None, ...]]) -> pa.Table:
    return pa.table(
        {name: pa.array(column, pa.string()) for name, column in zip(TEXTS, zip(*rows, strict=True), strict=True)}
    )


def test_texts_are_measured_by_source_and_captions_over_all_tables() -> None:
    measured = measure([table(ROWS[:2]), table(ROWS[2:])])
    assert measured["laion", "new", True].partials.statistics() == caption_statistics(
        ["a red cat", "two dogs on a mat"]
    )
    assert measured["laion", "new", False].partials.statistics() == caption_statistics(["cat"])
    assert measured["coyo", "new", False].partials.words.texts == 0, "an empty alt-text is none"
    assert list(measured) == sorted(measured)
    row = measured["laion", "new", True].text_set(("laion", "new", True))
    assert row.overlap is not None
    assert row.overlap.words_kept == 1 / 3, "`cat`, of the three words of the one caption that replaces an alt-text"
    assert measured["coyo", "new", True].text_set(("coyo", "new", True)).overlap is None


def test_a_row_of_the_table_has_counts_and_the_share_of_other_scripts() -> None:
    row = Measured().add(["a red cat", "一只猫"]).text_set(("laion", "new", True), drawn=5)
    assert (row.name, row.source, row.is_caption, row.drawn) == ("laion new", "laion", True, 5)
    assert dict(row.words) == {3: 1, 1: 1}
    assert row.statistics.foreign == 0.5
    assert Measured().text_set(("laion", "new", False)).name == "laion alt-text"


@pytest.mark.parametrize("shards", [1, 3, 40])
def test_a_draw_takes_the_first_sample_ids_whatever_the_shards(shards: int) -> None:
    ids = [f"{number:04d}" for number in range(200)]
    random.Random(1).shuffle(ids)
    rows = [(one, "laion", "new", f"caption {one}", None) for one in ids]

    def read(shard: Shard) -> pa.Table:
        return table(rows[shard.index :: shards])

    drawn = draw(read, [Shard(index=index) for index in range(shards)], 7)
    assert drawn["sample_id"].to_pylist() == [f"{number:04d}" for number in range(7)]
    assert drawn["caption"].to_pylist() == [f"caption {number:04d}" for number in range(7)]
