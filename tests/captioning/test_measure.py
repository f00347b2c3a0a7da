"""Partial sums of a shard's captions and alt-texts."""

import logging
from pathlib import Path

import pyarrow as pa
import pytest

from captioning import measure
from captioning.measure import MeasureCaptions
from captioning.statistics import AltTextOverlap, CaptionPartials
from curation import storage
from curation.dataset import Dataset, Shard
from curation.schemas import CAPTIONS, IMAGES
from tests.captioning.tiny_tokenizer import save_tokenizer

SHARD = Shard(index=2)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    dataset = Dataset(str(tmp_path))
    images = {"a": "alt text of a", "b": None, "c": "never captioned", "d": "", "e": "not selected"}
    captions = {"a": "A dog on a lawn", "b": "Two cats", "c": None, "d": "A blue door"}
    rows = [{"key": key, "caption": text} for key, text in images.items()]
    storage.write_table(dataset.image_table(SHARD), pa.Table.from_pylist(rows, IMAGES))
    rows = [{"key": key, "caption": text} for key, text in captions.items()]
    storage.write_table(dataset.captions("cogvlm", SHARD), pa.Table.from_pylist(rows, CAPTIONS))
    return dataset


def test_captions_and_the_alt_texts_they_replace_are_summed(dataset: Dataset) -> None:
    stage = MeasureCaptions(captions="cogvlm")
    result = stage.process(dataset, SHARD)
    assert stage.folder == "statistics/cogvlm"
    assert stage.output(dataset, SHARD) == f"{dataset.root}/statistics/cogvlm/00002.json"
    partials = storage.read_json(stage.output(dataset, SHARD))
    captions = ["A dog on a lawn", "Two cats", "A blue door"]
    assert CaptionPartials.from_json(partials["caption"]) == CaptionPartials.of(captions)
    assert CaptionPartials.from_json(partials["alt_text"]) == CaptionPartials.of(["alt text of a"])
    assert partials["caption"]["words"] == {"2": 1, "3": 1, "5": 1}
    assert partials["alt_text"]["words"] == {"4": 1}
    overlap = AltTextOverlap.from_json(partials["overlap"])
    assert overlap == AltTextOverlap.of([("A dog on a lawn", "alt text of a")])
    assert (overlap.words.whole, overlap.words.part) == (5, 2), "both `a`"
    assert (result.rows, result.kept, dict(result.rejects)) == (4, 3, {"no_caption": 1})


def test_the_tokens_of_a_text_encoder_are_counted_where_one_is_named(dataset: Dataset, tmp_path: Path) -> None:
    stage = MeasureCaptions(captions="cogvlm", text_encoder=save_tokenizer(tmp_path / "encoder"))
    stage.check(dataset)
    stage.process(dataset, SHARD)
    stored = storage.read_json(stage.output(dataset, SHARD))
    assert stored["caption"]["encoder_tokens"] == {"3": 1, "4": 1, "6": 1}
    assert stored["alt_text"]["encoder_tokens"] == {"5": 1}


def test_a_text_encoder_without_a_tokenizer_is_refused_before_anything_is_read(dataset: Dataset) -> None:
    with pytest.raises(ValueError, match="no tokenizer there"):
        MeasureCaptions(captions="cogvlm", text_encoder="/no/such/encoder").check(dataset)


def test_the_same_shard_gives_the_same_bytes(dataset: Dataset) -> None:
    written = []
    for _ in range(2):
        MeasureCaptions(captions="cogvlm").process(dataset, SHARD)
        written.append(Path(dataset.statistics("cogvlm", SHARD)).read_bytes())
    assert written[0] == written[1]


def test_missing_nltk_data_is_said_once_at_the_start(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        monkeypatch.setattr(measure, "has_nltk_data", lambda: True)
        MeasureCaptions(captions="cogvlm").check(dataset)
        assert caplog.messages == []
        monkeypatch.setattr(measure, "has_nltk_data", lambda: False)
        measure._warn_once.cache_clear()
        MeasureCaptions(captions="cogvlm").check(dataset)
        MeasureCaptions(captions="journeydb").check(dataset)
    (message,) = caplog.messages
    assert "nltk.downloader" in message
