from pathlib import Path

import pyarrow as pa
import pytest

from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet, sample_id
from curation.duplicates import Duplicates
from curation.schemas import CAPTIONS, IMAGES, SCORES
from pipelines.candidates import MergeInput
from pipelines.merge import Merge, merge_summary, plan_merge, summary_path
from tests.pipelines.shards import write_branch


def inputs(folder: Path) -> dict[str, MergeInput]:
    """10 samples a shard, 7 of them captioned; coyo's first shard has the samples of laion's last."""
    laion = write_branch(str(folder / "laion"), source="laion", shards=3, rows=10, captions="new")
    coyo = write_branch(str(folder / "coyo"), source="coyo", shards=2, rows=10, captions="new", first=20)
    return {
        name: MergeInput(dataset=dataset, captions="new", shards=dataset.shards())
        for name, dataset in (("laion", laion), ("coyo", coyo))
    }


def plans(training_set: TrainingSet) -> list[list[dict[str, object]]]:
    return [storage.read_table(training_set.plan(shard)).to_pylist() for shard in training_set.planned_shards()]


def test_every_captioned_sample_is_planned_once_in_full_shards(tmp_path: Path) -> None:
    training_set = TrainingSet(str(tmp_path / "set"))
    summary = plan_merge(inputs(tmp_path), training_set, samples_per_shard=12)
    assert summary == {
        "pairs": {"laion": 21, "coyo": 7},
        "rejects": {"coyo": {"duplicate_sample": 7}},
        "shards": 3,
    }
    shards = plans(training_set)
    assert [len(rows) for rows in shards] == [12, 12, 4]
    captioned = {sample_id(f"http://host/{n}.jpg") for n in range(40) if n % 10 > 2}
    planned = [row["sample_id"] for rows in shards for row in rows]
    assert sorted(planned) == sorted(captioned)
    for rows in shards:
        ids = [str(row["sample_id"]) for row in rows]
        assert ids == sorted(ids)


def test_a_sample_of_two_branches_comes_from_the_one_named_first(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    shared = {sample_id(f"http://host/{n}.jpg") for n in range(20, 30)}
    for order in (["laion", "coyo"], ["coyo", "laion"]):
        training_set = TrainingSet(str(tmp_path / order[0] / "set"))
        plan_merge({name: given[name] for name in order}, training_set, samples_per_shard=100)
        branches = {row["branch"] for rows in plans(training_set) for row in rows if row["sample_id"] in shared}
        assert branches == {order[0]}


def test_the_plan_mixes_branches_and_is_the_same_each_time(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    sets = [TrainingSet(str(tmp_path / name)) for name in ("one", "two")]
    for training_set in sets:
        plan_merge(given, training_set, samples_per_shard=10)
    assert plans(sets[0]) == plans(sets[1])
    order = [row["branch"] for rows in plans(sets[0]) for row in rows]
    assert len(set(order[:14])) == 2 or len(set(order[14:])) == 2, "source shards of both branches take turns"


def add_captions(dataset: Dataset, name: str, *, of: str, without: set[int]) -> None:
    """Captions under another name, of the same images but those in the rows `without` of each shard."""
    for shard in dataset.shards():
        rows = storage.read_table(dataset.captions(of, shard)).to_pylist()
        rows = [
            {**row, "caption": None if place in without else f"{name} {row['key']}"} for place, row in enumerate(rows)
        ]
        storage.write_table(dataset.captions(name, shard), pa.Table.from_pylist(rows, CAPTIONS))


def test_several_captioners_are_mixed_by_weight_whatever_the_shards_are(tmp_path: Path) -> None:
    drawn: list[dict[object, object]] = []
    for shards, rows in ((4, 100), (8, 50)):
        dataset = write_branch(str(tmp_path / f"{shards}"), source="laion", shards=shards, rows=rows, captions="new")
        add_captions(dataset, "other", of="new", without=set())
        add_captions(dataset, "unused", of="new", without=set())
        mix = {"new": 1.0, "other": 3.0, "unused": 0.0}
        given = {"laion": MergeInput(dataset=dataset, captions=mix, shards=dataset.shards())}
        training_set = TrainingSet(str(tmp_path / f"{shards}" / "set"))
        plan_merge(given, training_set, samples_per_shard=1000)
        (planned,) = plans(training_set)
        drawn.append({row["sample_id"]: row["captions"] for row in planned})
    few, many = drawn
    share = list(few.values()).count("new") / len(few)
    assert set(few.values()) == {"new", "other"}
    assert 0.17 < share < 0.33
    both = {sample for sample in few.keys() & many.keys() if number_of(sample) % 100 > 2 and number_of(sample) % 50 > 2}
    assert len(both) > 300
    assert {sample: few[sample] for sample in both} == {sample: many[sample] for sample in both}


def number_of(sample: object) -> int:
    return next(number for number in range(400) if sample_id(f"http://host/{number}.jpg") == sample)


def test_a_sample_that_one_captioner_lacks_gets_the_others(tmp_path: Path) -> None:
    dataset = write_branch(str(tmp_path / "laion"), source="laion", shards=2, rows=10, captions="new")
    add_captions(dataset, "other", of="new", without={3, 4})  # row 0 is without a caption in `new`
    given = {"laion": MergeInput(dataset=dataset, captions={"new": 1.0, "other": 1.0}, shards=dataset.shards())}
    training_set = TrainingSet(str(tmp_path / "set"))
    summary = plan_merge(given, training_set, samples_per_shard=100)
    assert summary["pairs"] == {"laion": 16}
    (rows,) = plans(training_set)
    captions = {(row["shard"], str(row["key"])[-1]): row["captions"] for row in rows}
    for shard in range(2):
        assert captions[shard, "2"] == "other"
        assert captions[shard, "5"] == captions[shard, "6"] == "new"


def test_weights_that_allow_no_captions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"merge\.captions\.laion: got weights"):
        Merge(output="x", captions={"laion": {"new": 0.0}})


def test_a_plan_that_is_there_is_kept(tmp_path: Path) -> None:
    training_set = TrainingSet(str(tmp_path / "set"))
    assert merge_summary(training_set) == {"pairs": {}, "rejects": {}, "shards": 0}
    plan_merge(inputs(tmp_path), training_set, samples_per_shard=12)
    before = Path(summary_path(training_set)).stat().st_mtime_ns
    assert plan_merge({}, training_set, samples_per_shard=99) == merge_summary(training_set)
    assert Path(summary_path(training_set)).stat().st_mtime_ns == before


def test_a_missing_shard_is_left_out(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    laion = given["laion"]
    fewer = MergeInput(dataset=laion.dataset, captions="new", shards=laion.shards[:1])
    training_set = TrainingSet(str(tmp_path / "set"))
    summary = plan_merge({"laion": fewer}, training_set, samples_per_shard=100)
    assert summary["pairs"] == {"laion": 7}
    assert {row["shard"] for rows in plans(training_set) for row in rows} == {0}


def test_nothing_to_merge_is_said(tmp_path: Path) -> None:
    dataset = write_branch(str(tmp_path / "laion"), source="laion", shards=1, rows=2, captions="new")
    given = {"laion": MergeInput(dataset=dataset, captions="new", shards=[Shard(index=0)])}
    with pytest.raises(ValueError, match="no branch has an image that was kept and captioned"):
        plan_merge(given, TrainingSet(str(tmp_path / "set")), samples_per_shard=10)


def test_an_impossible_shard_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"merge\.samples_per_shard=0"):
        Merge(output="x", samples_per_shard=0)


def test_images_that_are_the_same_are_left_out_over_all_branches_and_counted(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    laion, coyo = given["laion"].dataset, given["coyo"].dataset
    same, better = sample_id("http://host/5.jpg"), sample_id("http://host/35.jpg")
    near = sample_id("http://host/17.jpg")
    gone = {sample_id(f"http://host/{n}.jpg") for n in (8, 9, 18, 39)}
    for dataset in (laion, coyo):
        for shard in dataset.shards():
            images = storage.read_table(dataset.image_table(shard)).to_pylist()
            for row in images:
                row["sha256"] = {same: "ab" * 32, better: "ab" * 32}.get(row["sample_id"], row["sample_id"] * 4)
                row["sha256"] = "00" * 32 if row["sample_id"] in gone else row["sha256"]
            storage.write_table(dataset.image_table(shard), pa.Table.from_pylist(images, IMAGES))
            scores = storage.read_table(dataset.scores(shard)).to_pylist()
            for row in scores:
                row["aesthetic"] = 7.0 if row["sample_id"] == better else row["aesthetic"]
                row["phash"] = {better: "00000000ffffffff", near: "80000000fffffffe"}.get(row["sample_id"])
            storage.write_table(dataset.scores(shard), pa.Table.from_pylist(scores, SCORES))
    training_set = TrainingSet(str(tmp_path / "set"))
    summary = plan_merge(given, training_set, 12, Duplicates(max_repeats=3))
    assert summary["rejects"] == {
        "laion": {"duplicate_image": 1, "near_duplicate": 1, "placeholder": 3},
        "coyo": {"duplicate_sample": 7, "placeholder": 1},
    }
    planned = {row["sample_id"] for rows in plans(training_set) for row in rows}
    assert not planned & {same, near, *gone}
    assert better in planned
    assert sum(summary["pairs"].values()) == len(planned) == 28 - 6
