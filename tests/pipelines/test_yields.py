from pathlib import Path

import pytest
import yaml

from curation.dataset import Dataset, Shard
from curation.stage import ShardResult
from pipelines.cli import main
from pipelines.pipeline import Branch, Pipeline
from pipelines.run import Run
from pipelines.yields import LowYieldError, YieldWatch
from tests.pipelines.shards import Append, Numbers
from tests.pipelines.test_run import Lines


def _results(kept: int, **rejects: int) -> list[dict[str, object]]:
    images = {"stage": "images", "rows": kept + sum(rejects.values()), "kept": kept, "rejects": rejects}
    return [images, {"stage": "scores", "rows": kept, "kept": 0, "rejects": {"no_score": kept}}]


def _watch(said: list[str], **settings: object) -> YieldWatch:
    return YieldWatch("laion", **{"warn": 0.5, "floor": 0.2, "say": said.append, **settings})  # type: ignore[arg-type]


def test_it_warns_once_with_the_second_shard() -> None:
    said: list[str] = []
    watch = _watch(said)
    watch.add(Shard(index=3), _results(30, dns=50, not_found=20))
    assert said == []
    watch.add(Shard(index=1), _results(40, dns=60))
    watch.add(Shard(index=2), _results(40, dns=60))
    assert len(said) == 1
    assert "laion: 35% of 200 links gave an image (dns 110, not_found 20), less than warn_yield=0.5" in said[0]


def test_it_ends_the_run_under_the_floor_and_says_what_was_wrong() -> None:
    watch = _watch([])
    watch.add(Shard(index=0), _results(1, timeout=99))
    with pytest.raises(LowYieldError, match=r"laion: 10% of 200 links.*timeout 180.*less than min_yield=0\.2: stopped"):
        watch.add(Shard(index=1), _results(19, timeout=81))


def test_an_image_that_is_not_wanted_is_no_dead_link() -> None:
    said: list[str] = []
    watch = _watch(said)
    for index in range(3):
        watch.add(Shard(index=index), _results(5, too_small=80, aspect_ratio=10, dns=5))
    assert said == []


def test_few_links_say_nothing_and_repairs_are_not_counted() -> None:
    said: list[str] = []
    watch = _watch(said, ignore=[Shard(index=9)])
    for index in range(4):
        watch.add(Shard(index=index), _results(0, dns=12))
    watch.add(Shard(index=9), _results(0, dns=1000))
    watch.judge()
    assert said == []
    watch.add(Shard(index=4), [{"stage": "shards", "rows": 10, "kept": 0, "rejects": {"dns": 10}}])
    with pytest.raises(LowYieldError, match="0% of 60 links"):
        watch.add(Shard(index=5), _results(0, dns=12))


def test_one_shard_is_judged_at_the_end() -> None:
    watch = _watch([])
    watch.add(Shard(index=0), _results(1, dns=99))
    with pytest.raises(LowYieldError, match="1% of 100"):
        watch.judge()


class Dead(Append):
    """A download of which nothing comes."""

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        super().process(dataset, shard)
        return ShardResult(rows=100, kept=10, rejects={"dns": 90})


def test_a_run_over_dead_links_stops_and_keeps_what_is_done(tmp_path: Path, ray_cluster: str) -> None:
    def pipeline(**settings: float) -> Pipeline:
        branch = Branch(source=Numbers(shards=4), stages=[Dead(name="images")])
        return Pipeline(dir=str(tmp_path), branches={"laion": branch}, **settings)  # type: ignore[arg-type]

    with pytest.raises(LowYieldError, match="laion: 10% of 200 links"):
        Run(pipeline(), address=ray_cluster)()
    assert len(list((tmp_path / "laion" / "images").glob("*.txt"))) >= 2
    display = Lines()
    assert Run(pipeline(min_yield=0.05), address=ray_cluster, display=display)().complete
    assert len(list((tmp_path / "laion" / "images").glob("*.txt"))) == 4


@pytest.mark.parametrize("settings", [{"min_yield": 0.6}, {"min_yield": -0.1}, {"warn_yield": 1.1}])
def test_shares_out_of_order_are_refused(settings: dict[str, float]) -> None:
    branch = Branch(source=Numbers(shards=1), stages=[Append(name="a")])
    with pytest.raises(ValueError, match="expected 0 <= min_yield <= warn_yield <= 1"):
        Pipeline(dir="x", branches={"laion": branch}, **settings)  # type: ignore[arg-type]


def test_the_command_says_it_in_one_line_and_exits_with_1(
    tmp_path: Path, ray_cluster: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {
        "dir": str(tmp_path / "run"),
        "branches": {
            "laion": {
                "source": {"class_path": "tests.pipelines.shards.Numbers", "init_args": {"shards": 2}},
                "stages": [{"class_path": "tests.pipelines.test_yields.Dead", "init_args": {"name": "images"}}],
            }
        },
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    assert main(["run", str(tmp_path / "run.yaml"), "--address", ray_cluster]) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith("ella: run failed: laion: 10% of 200 links gave an image (dns 180)")
    assert len(said.splitlines()) == 1
