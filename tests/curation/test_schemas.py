import pytest

from curation import schemas


@pytest.mark.parametrize("name", ["IMAGES", "SCORES", "SELECTION", "CAPTIONS"])
def test_tables_of_a_shard_are_joined_by_key_and_by_sample_id(name: str) -> None:
    schema = getattr(schemas, name)
    assert {"key", "sample_id"} <= set(schema.names)
    assert len(set(schema.names)) == len(schema.names)


def test_images_have_the_columns_that_img2dataset_writes() -> None:
    theirs = ["key", "status", "error_message", "width", "height", "original_width", "original_height", "sha256"]
    assert [name for name in schemas.IMAGES.names if name in theirs] == theirs
    assert {"url", "caption"} <= set(schemas.IMAGES.names)


def test_a_training_row_carries_both_texts_and_its_origin() -> None:
    assert {"sample_id", "source", "caption", "alt_text", "aesthetic", "url"} <= set(schemas.TRAINING.names)
