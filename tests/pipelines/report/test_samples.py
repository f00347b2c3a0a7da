import io
from pathlib import Path

import pytest
from PIL import Image

from curation import storage
from curation.dataset import Dataset, Shard
from curation.tar import TarWriter
from pipelines.report.samples import EDGE, SHARDS, dataset_samples, training_samples
from tests.pipelines.report.merged import merged_run
from tests.pipelines.shards import write_branch


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return write_branch(str(tmp_path / "laion"), source="laion", shards=2, rows=10, captions="new")


def test_samples_say_what_became_of_each_image(dataset: Dataset) -> None:
    by_alt_text = {sample.alt_text: sample for sample in dataset_samples("laion", dataset, 100)}
    dead, low, silent, kept = (by_alt_text[f"alt {row}"] for row in (0, 1, 2, 4))
    assert (dead.reason, dead.thumbnail, dead.aesthetic) == ("not_found", None, None)
    assert (low.reason, low.aesthetic, low.captions) == ("aesthetic", 5.0, {})
    assert (silent.reason, silent.flags, silent.captions) == ("empty_caption", ["empty_caption"], {"new": None})
    assert (kept.reason, kept.captions) == (None, {"new": "a picture of number 4"})
    assert (kept.source, kept.url, kept.short_edge) == ("laion", "http://host/4.jpg", 1200)


def test_every_image_that_was_fetched_has_its_own_thumbnail(dataset: Dataset) -> None:
    samples = dataset_samples("laion", dataset, 100)
    pictures = {sample.url: sample.thumbnail for sample in samples if sample.thumbnail}
    assert len(pictures) == 18
    for url, picture in pictures.items():
        number = int(url.rpartition("/")[2].partition(".")[0])  # type: ignore[union-attr]
        with Image.open(io.BytesIO(picture)) as image:
            assert image.format == "WEBP"
            red, green, _ = image.convert("RGB").getpixel((8, 6))  # type: ignore[misc]
        assert abs(red - number * 37 % 256) < 12
        assert abs(green - number * 91 % 256) < 12


def test_a_thumbnail_is_small_and_carries_no_metadata(dataset: Dataset) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    file = io.BytesIO()
    Image.new("RGB", (2000, 1000), "red").save(file, "JPEG", exif=exif)
    with storage.atomic_writer(dataset.image_tar(Shard(index=0))) as tar_file, TarWriter(tar_file) as tar:
        tar.write("000000004", {"jpg": file.getvalue()})
        tar.write("000000005", {"jpg": b"broken"})
    thumbnails = {sample.alt_text: sample.thumbnail for sample in dataset_samples("laion", dataset, 100)}
    picture = thumbnails["alt 4"]
    assert picture is not None
    assert b"where I live" not in picture
    assert Image.open(io.BytesIO(picture)).size == (EDGE, EDGE // 2)
    assert thumbnails["alt 5"] is None


def test_half_are_kept_ones_and_the_rest_spread_over_the_reasons(dataset: Dataset) -> None:
    samples = dataset_samples("laion", dataset, 6)
    reasons = sorted(str(sample.reason) for sample in samples)
    assert reasons == ["None", "None", "None", "aesthetic", "empty_caption", "not_found"]
    assert samples == dataset_samples("laion", dataset, 6)


def test_room_that_drops_leave_goes_to_kept_ones(dataset: Dataset) -> None:
    samples = dataset_samples("laion", dataset, 18)
    assert sum(sample.reason is None for sample in samples) == 12
    assert len(samples) == 18


def test_a_large_dataset_is_seen_through_a_few_shards(tmp_path: Path) -> None:
    large = write_branch(str(tmp_path / "large"), source="laion", shards=SHARDS + 4, rows=4, captions="new")
    samples = dataset_samples("laion", large, 100)
    assert len(samples) == 4 * SHARDS


def test_a_dataset_in_the_middle_of_its_run_has_samples_too(dataset: Dataset) -> None:
    for folder in ("selection", "captions/new"):
        Path(dataset.root, folder, "00000.parquet").unlink()
    by_alt_text = {sample.alt_text: sample for sample in dataset_samples("laion", dataset, 100)}
    assert by_alt_text["alt 1"].reason is None
    assert by_alt_text["alt 11"].reason == "aesthetic"


def test_training_pairs_are_samples_with_their_pictures(tmp_path: Path) -> None:
    samples = training_samples(merged_run(tmp_path), 10)
    assert len(samples) == 10
    assert {sample.source for sample in samples} == {"laion", "coyo"}
    assert all(sample.thumbnail and sample.captions["new"] and sample.reason is None for sample in samples)
