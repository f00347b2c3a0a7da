"""Select: thresholds, their edges, and a reason for every drop."""

import math
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from curation import storage
from curation.bounds import Bound
from curation.dataset import Dataset, Shard, sample_id
from curation.duplicates import Duplicates
from curation.reasons import Reason
from curation.schemas import IMAGES, SCORES, SELECTION
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
    assert Select().reason_to_drop({"aesthetic": aesthetic, "short_edge": short_edge}) == reason


def test_thresholds_are_settings() -> None:
    assert Select(min_aesthetic=5.0).reason_to_drop({"aesthetic": 5.5, "short_edge": 512}) is None
    assert Select(min_short_edge=256).reason_to_drop({"aesthetic": 6.5, "short_edge": 256}) is None
    assert Select(min_aesthetic=7.0).reason_to_drop({"aesthetic": 6.5, "short_edge": 512}) == Reason.AESTHETIC


def test_every_score_becomes_a_row(tmp_path: Path) -> None:
    dataset, stage = Dataset(str(tmp_path)), Select()
    scores = {
        "key": ["d", "b", "c", "a", "e"],
        "sample_id": ["4", "2", "3", "1", "5"],
        "aesthetic": [6.5, 5.0, None, 7.0, math.nan],
        "short_edge": [512, 512, 512, 100, 600],
    }
    rows = pa.table(scores).to_pylist()
    storage.write_table(dataset.scores(SHARD), pa.Table.from_pylist(rows, SCORES))
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


BOUNDS = [
    Bound(column="punsafe", max=0.1),
    Bound(column="nsfw", equals="UNLIKELY"),
    Bound(column="clip_similarity", min=0),
]


def _write(dataset: Dataset) -> None:
    """Six images that only the bounds tell apart; the URL table has them in another order, and one that failed."""
    ids = [f"id{n}" for n in range(6)]
    scores = [
        {"key": f"{n}", "sample_id": ids[n], "aesthetic": 7.0, "short_edge": 600, "clip_similarity": similarity}
        for n, similarity in enumerate([0.3, 0.3, 0.3, 0.3, None, -0.1])
    ]
    storage.write_table(dataset.scores(SHARD), pa.Table.from_pylist(scores, SCORES))
    columns = {
        "sample_id": [*ids, "failed"][::-1],
        "url": ["http://host/"] * 7,
        "alt_text": ["text"] * 7,
        "source": ["laion"] * 7,
        "punsafe": [0.1, 0.2, 0.0, math.nan, 0.1, 0.1, 0.9][::-1],
        "nsfw": ["UNLIKELY", "UNLIKELY", "NSFW", "UNLIKELY", "UNLIKELY", "UNLIKELY", None][::-1],
    }
    storage.write_table(dataset.urls(SHARD), pa.table(columns))


def test_bounds_are_on_scores_and_on_the_sources_own_columns(tmp_path: Path) -> None:
    dataset, stage = Dataset(str(tmp_path)), Select(bounds=BOUNDS)
    _write(dataset)
    stage.check(dataset)
    result = stage.process(dataset, SHARD)
    assert storage.read_table(dataset.selection(SHARD))["reason"].to_pylist() == [
        None,
        "out_of_bounds:punsafe",
        "out_of_bounds:nsfw",
        "no_value:punsafe",
        "no_value:clip_similarity",
        "out_of_bounds:clip_similarity",
    ]
    assert result.kept == 1
    assert result.rejects["no_value:punsafe"] == 1


def test_another_name_is_another_folder_and_leaves_the_selection_alone(tmp_path: Path) -> None:
    dataset, stage = Dataset(str(tmp_path)), Select(name="strict", bounds=BOUNDS)
    _write(dataset)
    stage.process(dataset, SHARD)
    assert (stage.folder, Select().folder) == ("selection/strict", "selection")
    assert stage.output(dataset, SHARD) == str(tmp_path / "selection" / "strict" / "00003.parquet")
    assert not Path(dataset.selection(SHARD)).exists()
    assert storage.read_table(dataset.selection(SHARD, "strict")).num_rows == 6


@pytest.mark.parametrize("name", ["", "../up", "a/b", "1"])
def test_a_name_that_is_none_for_a_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="selection name"):
        Select(name=name)


def test_a_bound_on_a_column_that_is_not_there_is_refused_before_the_run_and_in_it(tmp_path: Path) -> None:
    dataset, stage = Dataset(str(tmp_path)), Select(bounds=[Bound(column="PUnsave", max=0.1)])
    stage.check(dataset)  # nothing is there yet
    _write(dataset)
    for look in (stage.check, lambda dataset: stage.process(dataset, SHARD)):
        with pytest.raises(ValueError, match=r"PUnsave, .* \(did you mean 'punsafe'\?\); there are key, .*nsfw"):
            look(dataset)


def write_scored(dataset: Dataset, index: int, rows: list[tuple[float, str, str]]) -> Shard:
    """A shard whose images have these scores, file hashes and looks."""
    shard = Shard(index=index)
    names = [f"{index:05d}{row:04d}" for row in range(len(rows))]
    ids = [sample_id(name) for name in names]
    images = [
        {"key": key, "sample_id": sample, "sha256": sha256}
        for key, sample, (_, sha256, _) in zip(names, ids, rows, strict=True)
    ]
    storage.write_table(dataset.image_table(shard), pa.Table.from_pylist(images, IMAGES))
    scores = [
        {"key": key, "sample_id": sample, "aesthetic": score, "short_edge": 512, "phash": looks}
        for key, sample, (score, _, looks) in zip(names, ids, rows, strict=True)
    ]
    storage.write_table(dataset.scores(shard), pa.Table.from_pylist(scores, SCORES))
    return shard


def select(dataset: Dataset, stage: Select, shards: Sequence[Shard]) -> list[list[str | None]]:
    """The reasons of every shard, as a run comes to them."""
    first = stage.gathering()
    if first:
        for shard in shards:
            first.process(dataset, shard)
        stage.gather(dataset, shards)
    results = [stage.process(dataset, shard) for shard in shards]
    reasons = [storage.read_table(stage.output(dataset, shard))["reason"].to_pylist() for shard in shards]
    assert [result.kept for result in results] == [found.count(None) for found in reasons]
    return reasons


def test_duplicates_are_dropped_among_what_passes_the_thresholds(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    looks = ["0" * 16, "f" * 16, "0" * 12 + "ffff", "0" * 15 + "1"]
    one, two, three, four = ((f"{number}" * 64, phash) for number, phash in enumerate(looks))
    shards = [
        write_scored(dataset, 0, [(7.0, *one), (6.5, *two), (5.0, *three)]),
        write_scored(dataset, 1, [(6.6, *two), (6.9, *three), (6.1, *four)]),
    ]
    expected = [[None, "duplicate_image", "aesthetic"], [None, None, "near_duplicate"]]
    assert select(dataset, Select(duplicates=Duplicates()), shards) == expected
    assert select(dataset, Select(), shards) == [[None, None, "aesthetic"], [None, None, None]]
    aside = Select(name="strict", min_aesthetic=6.8, duplicates=Duplicates(near_bits=None))
    assert select(dataset, aside, shards) == [[None, "aesthetic", "aesthetic"], ["aesthetic", None, "aesthetic"]]


def test_candidates_are_what_passes_with_its_hashes(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    shard = write_scored(dataset, 0, [(7.0, "11" * 32, "0" * 15 + "5"), (5.0, "22" * 32, "f" * 16)])
    first = Select(duplicates=Duplicates()).gathering()
    assert first is not None
    result = first.process(dataset, shard)
    assert (result.rows, result.kept, dict(result.rejects)) == (2, 1, {"aesthetic": 1})
    [row] = storage.read_table(first.output(dataset, shard)).to_pylist()
    assert (row["key"], row["file"], row["looks"]) == ("000000000", int("11" * 8, 16), 5)


def test_a_shard_that_no_decision_covers_is_an_error(tmp_path: Path) -> None:
    dataset, stage = Dataset(str(tmp_path)), Select(duplicates=Duplicates())
    shards = [write_scored(dataset, index, [(7.0, "11" * 32, "0" * 16)]) for index in range(2)]
    select(dataset, stage, shards[:1])
    with pytest.raises(ValueError, match="shard 00001 was not there when duplicates were looked for"):
        stage.process(dataset, shards[1])
