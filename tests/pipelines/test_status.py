from collections import Counter
from pathlib import Path

import pytest

from curation.dataset import Dataset, TrainingSet
from pipelines.candidates import MergeInput
from pipelines.merge import plan_merge
from pipelines.repack import Repack
from pipelines.status import Funnel, funnels
from tests.pipelines.shards import write_branch


def kept(funnel: Funnel) -> dict[str, int]:
    return {level.name: level.kept for level in funnel.levels}


def rejects(funnel: Funnel) -> dict[str, Counter[str]]:
    return {level.name: level.rejects for level in funnel.levels if level.rejects}


def test_the_funnel_counts_what_got_through_and_why_the_rest_did_not(tmp_path: Path) -> None:
    write_branch(str(tmp_path / "laion"), source="laion", shards=2, rows=10, captions="new")
    [funnel] = funnels(str(tmp_path))
    assert (funnel.branch, funnel.shards) == ("laion", 2)
    assert kept(funnel) == {
        "planned": 20,
        "tried": 20,
        "downloaded": 18,
        "scored": 18,
        "kept": 16,
        "captioned: new": 14,
    }
    assert rejects(funnel) == {
        "downloaded": {"not_found": 2},
        "kept": {"aesthetic": 2},
        "captioned: new": {"empty_caption": 2},
    }
    for level in funnel.levels:
        assert level.rows == level.kept + level.rejects.total()


def test_in_the_middle_of_a_run_what_was_tried_is_less_than_what_is_planned(tmp_path: Path) -> None:
    dataset = write_branch(str(tmp_path / "laion"), source="laion", shards=2, rows=10, captions="new")
    Path(dataset.image_table(dataset.shards()[1])).unlink()
    [funnel] = funnels(str(tmp_path))
    assert (kept(funnel)["planned"], kept(funnel)["tried"], kept(funnel)["downloaded"]) == (20, 10, 9)


def test_a_dataset_by_itself_has_a_funnel_too(tmp_path: Path) -> None:
    dataset = write_branch(str(tmp_path / "laion"), source="laion", shards=1, rows=5, captions="new")
    assert [funnel.branch for funnel in funnels(dataset.root)] == ["laion"]


def test_merged_counts_the_training_shards_that_are_finished(tmp_path: Path) -> None:
    branches = {
        name: write_branch(str(tmp_path / name), source=name, shards=1, rows=10, captions="new", first=first)
        for name, first in (("laion", 0), ("coyo", 5))
    }
    inputs = {
        name: MergeInput(dataset=dataset, captions="new", shards=dataset.shards()) for name, dataset in branches.items()
    }
    training_set = TrainingSet(str(tmp_path / "training"))
    plan_merge(inputs, training_set, samples_per_shard=6)
    Path(training_set.manifest()).write_text("{}")
    repack = Repack(branches={name: dataset.root for name, dataset in branches.items()})

    merged = []
    for shard in training_set.planned_shards():
        repack.process(Dataset(training_set.root), shard)
        merged.append(sum(kept(funnel)["merged"] for funnel in funnels(str(tmp_path))))
    assert merged == [6, 12]
    coyo = next(funnel for funnel in funnels(str(tmp_path)) if funnel.branch == "coyo")
    assert rejects(coyo)["merged"] == {"duplicate_sample": 2}


def test_a_folder_without_a_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no dataset\.json here or one level below"):
        funnels(str(tmp_path))
