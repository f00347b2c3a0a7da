import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from captioning.report.content import SCORE_STEP
from captioning.statistics import AltTextOverlap, CaptionPartials, caption_statistics
from curation import storage
from curation.dataset import Dataset, Shard
from curation.schemas import SCORES
from pipelines.report.datasets import caption_names, scores, steps, text_sets
from pipelines.status import funnels
from tests.captioning.tiny_tokenizer import save_tokenizer
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
    assert caption.overlap is not None
    assert caption.overlap.words_kept == 1 / 5, "`alt 4` and `a picture of number 4` share the number"


def test_shares_come_from_stored_statistics_too(dataset: Dataset) -> None:
    """Of 7 captions a shard, one in another script; the other shard's are all the same."""
    texts = [["a red cat"] * 6 + ["一只猫"], ["a dog"] * 7]
    for shard, captions in zip(dataset.shards(), texts, strict=True):
        stored = storage.read_json(dataset.statistics("new", shard))
        pairs = [(caption, "A cat by Jane") for caption in captions]
        overlap = AltTextOverlap.of(pairs).to_json()
        counts = {"caption": CaptionPartials.of(captions).to_json(), "overlap": overlap}
        storage.write_json(dataset.statistics("new", shard), {**stored, **counts})
    _, caption = text_sets("laion", dataset, sample=None, quick=False)
    assert caption.statistics.foreign == 1 / 14
    assert caption.statistics.duplicates.exact == 11 / 14
    assert caption.overlap is not None
    assert caption.overlap.words_kept == (6 * 2 + 7) / (6 * 3 + 1 + 7 * 2)


@pytest.mark.parametrize("stored_with", ["", "another", "one of two"])
def test_a_text_encoders_tokens_are_counted_where_the_statistics_lack_them(
    dataset: Dataset, tmp_path: Path, stored_with: str
) -> None:
    encoder, another = (save_tokenizer(tmp_path / name) for name in ("asked", "another"))
    for number, shard in enumerate(dataset.shards()):
        path = dataset.statistics("new", shard)
        name = {"": "", "another": another, "one of two": encoder if number else ""}[stored_with]
        storage.write_json(path, stored_anew(storage.read_json(path), name))
    _, caption = text_sets("laion", dataset, sample=None, quick=False, text_encoder=encoder)
    assert caption.statistics.encoder_tokens == 6, "five words and an end"
    assert caption.text_encoder == encoder
    assert dict(caption.encoder_tokens) == {6: 14}


def test_stored_tokens_of_the_text_encoder_are_taken_as_they_are(dataset: Dataset, tmp_path: Path) -> None:
    encoder = save_tokenizer(tmp_path / "asked")
    for shard in dataset.shards():
        path = dataset.statistics("new", shard)
        stored = stored_anew(storage.read_json(path), encoder)
        stored["caption"]["encoder_tokens"] = {"9": 7}
        stored["alt_text"]["encoder_tokens"] = {"3": 9}
        storage.write_json(path, stored)
    for asked in (encoder, ""):
        sets = text_sets("laion", dataset, sample=None, quick=False, text_encoder=asked)
        assert [row.statistics.encoder_tokens for row in sets] == [3, 9]


def stored_anew(stored: dict[str, Any], encoder: str) -> dict[str, Any]:
    """Statistics as they are, said to have been taken with a text encoder."""
    return {kind: {**stored[kind], "text_encoder": encoder} for kind in ("caption", "alt_text")}


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
