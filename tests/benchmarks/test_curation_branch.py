"""The benchmark of a branch: each run is anew, the slowest stage is found, and other output is no comparison."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import curation_branch
from benchmarks.curation_branch import CAPTIONS, Timed, compare, make_stages, run, write_urls
from curation import storage
from curation.dataset import Dataset, Shard
from tests.pipelines.conftest import ray_cluster as ray_cluster
from tests.pipelines.shards import Append

SHARDS = [Shard(index=index) for index in range(2)]


@pytest.mark.usefixtures("ray_cluster")
def test_a_run_does_all_shards_anew(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path / "dataset"))
    log = tmp_path / "log"
    stages = [Append(name="a", log=str(log)), Append(name="b", after="a", pause=0.2)]
    first, second = run(dataset, stages, SHARDS), run(dataset, stages, SHARDS)
    assert first.written == second.written
    assert len(list((log / "a-00000").iterdir())) == 2
    assert set(first.busy) == {"a", "b"}
    assert 0.2 <= first.steady < first.seconds
    assert run(dataset, stages[:1], SHARDS).written != first.written
    with pytest.raises(RuntimeError, match="1 shards failed, the first: a: RuntimeError: shard 1"):
        run(dataset, [Append(name="a", log=str(tmp_path / "failing"), failing={1: 1})], SHARDS)


def test_the_slowest_stage_is_what_the_branch_is_measured_against(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    took = {"a": 1.0, "b": 9.0, "c": 2.0}

    def timed(_: object, stages: list[Append], __: object) -> Timed:
        folders = [stage.folder for stage in stages]
        ran.append(folders)
        seconds = 10.0 if len(folders) == 3 else took[folders[0]]
        return Timed(seconds=2 * seconds, steady=seconds, busy=dict.fromkeys(folders, 0.5), written=folders[-1])

    monkeypatch.setattr(curation_branch, "run", timed)
    stages = [Append(name=name) for name in "abc"]
    report = compare(Dataset("/nowhere"), stages, SHARDS, images=100, pairs=2)
    assert ran == [["a"], ["b"], ["c"], ["b"], ["a", "b", "c"], ["b"], ["a", "b", "c"]]
    assert "| start to end | 18.0 s, 5.6 images/s | 20.0 s, 5.0 images/s | 90.0% | 90%: met by 0.0% |" in report
    assert "| first shard to last | 9.0 s, 5.6 images/s | 10.0 s, 5.0 images/s | 90.0% |" in report

    def other(dataset: Dataset, stages: list[Append], shards: list[Shard]) -> Timed:
        made = timed(dataset, stages, shards)
        return replace(made, written="other") if len(stages) == 3 else made

    monkeypatch.setattr(curation_branch, "run", other)
    with pytest.raises(RuntimeError, match="something else: nothing to compare"):
        compare(Dataset("/nowhere"), stages, SHARDS, images=100, pairs=1)


def test_the_branch_is_whole_and_its_links_are_all_different(tmp_path: Path) -> None:
    stages = make_stages(tmp_path, tokens=5)
    assert [stage.folder for stage in stages] == ["images", "scores", "selection", f"captions/{CAPTIONS}"]
    assert sum(stage.resources.cpus for stage in stages) <= 2
    dataset = Dataset(str(tmp_path))
    shards = write_urls(dataset, "http://h", shards=3, rows=4)
    urls = [url for shard in shards for url in storage.read_table(dataset.urls(shard), ["url"])["url"].to_pylist()]
    assert urls == [f"http://h/{number}.jpg" for number in range(12)]
