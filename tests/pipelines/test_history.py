from pathlib import Path

import pytest

from curation.dataset import sample_id
from pipelines.history import Entry, History, histories
from tests.pipelines.report.merged import merged_run
from tests.pipelines.shards import write_branch


@pytest.fixture
def run(tmp_path: Path) -> str:
    """Branches `laion` and `coyo`, merged into `training`; `http://host/4.jpg` is laion's, with key 000000004."""
    merged_run(tmp_path)
    return str(tmp_path)


def by_file(history: History) -> dict[str, Entry]:
    return {entry.file: entry for entry in history.entries}


def test_a_sample_is_followed_from_its_metadata_to_its_training_shard(run: str) -> None:
    wanted = sample_id("http://host/4.jpg")
    laion, training = histories(run, wanted)
    assert (laion.place, laion.sample_id, training.place) == ("laion", wanted, "training")
    assert [entry.file for entry in laion.entries] == [
        "urls/00000.parquet",
        "images/00000.parquet",
        "images/00000.tar",
        "scores/00000.parquet",
        "selection/00000.parquet",
        "captions/new/00000.parquet",
    ]
    values = {file: entry.values or {} for file, entry in by_file(laion).items()}
    assert values["urls/00000.parquet"]["url"] == "http://host/4.jpg"
    assert values["images/00000.parquet"]["key"] == "000000004"
    assert set(values["images/00000.tar"]) == {"000000004.jpg", "000000004.txt", "000000004.json"}
    assert values["scores/00000.parquet"]["aesthetic"] == 6.5
    assert values["captions/new/00000.parquet"]["caption"] == "a picture of number 4"
    plan, table, tar = training.entries
    assert plan.values is not None
    assert (plan.values["branch"], plan.values["shard"], plan.values["key"]) == ("laion", 0, "000000004")
    assert table.values is not None
    assert table.values["caption"] == "a picture of number 4"
    assert tar.values is not None
    assert set(tar.values) == {f"{wanted}.{extension}" for extension in ("jpg", "txt", "json")}
    assert not [entry.verdict for entry in (*laion.entries, *training.entries) if entry.verdict]


def test_a_key_is_found_in_every_branch_that_has_it(run: str) -> None:
    found = histories(run, "000000004")
    assert [history.place for history in found] == ["coyo", "laion", "training", "training"]
    assert found[1].sample_id == sample_id("http://host/4.jpg")
    assert {history.sample_id for history in found[2:]} == {history.sample_id for history in found[:2]}


@pytest.mark.parametrize(
    ("row", "file", "verdict"),
    [
        (0, "images/00000.parquet", "not_found: The server says that the image is gone (404 or 410)."),
        (1, "selection/00000.parquet", "aesthetic: The aesthetic score is not over the threshold."),
        (2, "captions/new/00000.parquet", "empty_caption: The captioner returned nothing."),
    ],
)
def test_where_a_sample_stops_is_said_with_the_reason(run: str, row: int, file: str, verdict: str) -> None:
    [laion] = histories(run, sample_id(f"http://host/{row}.jpg"))
    assert {entry.file: entry.verdict for entry in laion.entries if entry.verdict} == {file: verdict}
    after = laion.entries[[entry.file for entry in laion.entries].index(file) + 1 :]
    assert all(entry.values is None and not entry.missing for entry in after)


def test_steps_that_are_still_to_come_are_missing(tmp_path: Path) -> None:
    dataset = write_branch(str(tmp_path / "laion"), source="laion", shards=1, rows=5, captions="new")
    for file in ("images/00000.parquet", "images/00000.tar", "scores/00000.parquet"):
        (tmp_path / "laion" / file).unlink()
    [history] = histories(dataset.root, sample_id("http://host/4.jpg"))
    assert [entry.file for entry in history.entries if entry.missing] == [
        "images/00000.parquet",
        "images/00000.tar",
        "scores/00000.parquet",
    ]


def test_a_training_set_by_itself_has_its_own_part_of_the_history(run: str) -> None:
    [training] = histories(f"{run}/training", sample_id("http://host/4.jpg"))
    assert len(training.entries) == 3


def test_what_is_not_there_is_refused_with_an_example(run: str) -> None:
    with pytest.raises(ValueError, match="no sample has the key or sample_id 'nobody' in coyo, laion, training; "):
        histories(run, "nobody")
