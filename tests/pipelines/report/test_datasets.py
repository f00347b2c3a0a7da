import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from captioning.report.content import SCORE_STEP
from captioning.statistics import caption_statistics
from curation import storage
from curation.dataset import Dataset, Shard
from curation.schemas import SCORES
from pipelines.report.datasets import caption_names, scores, steps, text_sets
from pipelines.status import funnels
from tests.pipelines.shards import write_branch


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """14 of its 20 rows have captions, and 12 of these alt-texts."""
    return write_branch(str(tmp_path / "laion"), source="laion", shards=2, rows=10, captions="new")


def captions(first: int, last: int) -> list[str]:
    return [f"a picture of number {row}" for row in range(first, last)]


def test_stored_statistics_are_taken_as_they_are(dataset: Dataset) -> None:
    """The fixture counted the alt-texts of all images, 18, where measuring now would find those of captioned ones."""
    alt_text, caption = text_sets("laion", dataset, sample=None, quick=False)
    assert (alt_text.name, alt_text.is_caption, alt_text.statistics.texts) == ("laion alt-text", False, 18)
    assert (caption.name, caption.is_caption, caption.drawn) == ("laion new", True, None)
    assert caption.statistics == caption_statistics([*captions(3, 10), *captions(13, 20)])
    assert dict(caption.words) == {5: 14}


@pytest.mark.parametrize("damage", ["missing", "old version"])
def test_what_is_not_stored_is_measured(dataset: Dataset, damage: str) -> None:
    path = dataset.statistics("new", Shard(index=1))
    if damage == "missing":
        Path(path).unlink()
    else:
        stored = storage.read_json(path)
        storage.write_json(path, {**stored, "caption": {**stored["caption"], "version": 0}})
    alt_text, caption = text_sets("laion", dataset, sample=None, quick=False)
    assert caption.statistics == caption_statistics([*captions(3, 10), *captions(13, 20)])
    assert alt_text.statistics.texts == 12, "of captioned images"
    assert alt_text.foreign == 0
    assert caption.in_alt_text == 1 / 5, "`alt 4` and `a picture of number 4` share the number"


def test_a_sample_is_drawn_even_where_all_is_stored(dataset: Dataset) -> None:
    alt_text, caption = text_sets("laion", dataset, sample=5, quick=False)
    assert (caption.statistics.texts, caption.drawn) == (5, 5)
    again = text_sets("laion", dataset, sample=5, quick=False)
    assert again == [alt_text, caption]


def test_a_quick_report_draws_where_nothing_is_stored(dataset: Dataset) -> None:
    assert {row.drawn for row in text_sets("laion", dataset, sample=None, quick=True)} == {None}
    shutil.rmtree(Path(dataset.root) / "statistics")
    assert {row.drawn for row in text_sets("laion", dataset, sample=None, quick=True)} == {5_000}


def test_two_captions_of_the_same_images_share_their_alt_texts(dataset: Dataset) -> None:
    folder = Path(dataset.root)
    shutil.copytree(folder / "captions" / "new", folder / "captions" / "other")
    assert caption_names(dataset) == ["new", "other"]
    names = [row.name for row in text_sets("laion", dataset, sample=None, quick=False)]
    assert names == ["laion alt-text", "laion new", "laion other"]


def test_a_dataset_that_has_no_captions_yet_has_no_rows(dataset: Dataset) -> None:
    shutil.rmtree(Path(dataset.root) / "captions")
    assert text_sets("laion", dataset, sample=None, quick=False) == []


def test_steps_are_the_funnels(dataset: Dataset) -> None:
    found = {step.name: step for step in steps(funnels(dataset.root))}
    assert (found["kept"].source, found["kept"].rows, found["kept"].kept) == ("laion", 18, 16)
    assert found["kept"].rejects == {"aesthetic": 2}


def test_scores_are_counted_with_the_threshold_that_was_used(dataset: Dataset) -> None:
    found = scores("laion", dataset)
    assert found is not None
    assert {index * SCORE_STEP: count for index, count in enumerate(found.counts) if count} == {5.0: 2, 6.5: 16}
    assert found.threshold is None
    selection = {"name": "selection", "settings": {"class": "Select", "min_aesthetic": 5.5}}
    storage.write_json(dataset.manifest(), {"contract": 1, "steps": [selection]})
    used = scores("laion", dataset)
    assert used is not None
    assert used.threshold == 5.5


def test_scores_off_the_scale_join_its_ends_and_missing_ones_are_left_out(dataset: Dataset) -> None:
    rows = [
        {"key": str(i), "sample_id": str(i), "aesthetic": value, "short_edge": 1}
        for i, value in enumerate([-3.0, 10.0, 99.0, np.nan, None])
    ]
    for shard in dataset.shards():
        storage.write_table(dataset.scores(shard), pa.Table.from_pylist(rows, SCORES))
    found = scores("laion", dataset)
    assert found is not None
    assert (found.counts[0], found.counts[-1], sum(found.counts)) == (2, 4, 6)


def test_a_dataset_without_scores_has_no_histogram(dataset: Dataset) -> None:
    shutil.rmtree(Path(dataset.root) / "scores")
    assert scores("laion", dataset) is None
