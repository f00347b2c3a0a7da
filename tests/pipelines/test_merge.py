from pathlib import Path

import pytest

from curation import storage
from curation.dataset import Shard, TrainingSet, sample_id
from pipelines.merge import Merge, MergeInput, merge_summary, plan_merge, summary_path
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
