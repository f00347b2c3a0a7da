from pathlib import Path

from curation.dataset import TrainingSet
from pipelines.report.training_sets import text_sets
from tests.pipelines.report.merged import merged_run


def test_a_training_set_is_measured_by_source(tmp_path: Path) -> None:
    rows = {row.name: row for row in text_sets(merged_run(tmp_path), sample=None)}
    assert list(rows) == ["coyo alt-text", "coyo new", "laion alt-text", "laion new"]
    assert {name: row.statistics.texts for name, row in rows.items()} == dict(zip(rows, (6, 7, 6, 7), strict=True))
    assert dict(rows["laion new"].words) == {5: 7}


def test_a_sample_is_drawn_over_all_sources(tmp_path: Path) -> None:
    rows = text_sets(merged_run(tmp_path), sample=3)
    assert sum(row.statistics.texts for row in rows if row.is_caption) == 3
    assert {row.drawn for row in rows} == {3}


def test_a_set_without_shards_has_no_rows(tmp_path: Path) -> None:
    assert text_sets(TrainingSet(str(tmp_path)), sample=None) == []
