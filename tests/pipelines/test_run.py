import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from curation import storage
from curation.dataset import TrainingSet
from curation.selection import Select
from pipelines.compare import compare
from pipelines.errors import UsageError
from pipelines.merge import Merge
from pipelines.pipeline import Branch, Pipeline, Say, World
from pipelines.progress import Display
from pipelines.run import Run
from tests.pipelines.shards import SMALL, Append, Numbers, write_branch


class Lines(Display):
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def two_stages(tmp_path: Path, **second: object) -> Pipeline:
    log = str(tmp_path / "log")
    stages = [Append(name="a", log=log), Append(name="b", after="a", log=log, **second)]  # type: ignore[arg-type]
    return Pipeline(
        dir=str(tmp_path / "run"), branches={"laion": Branch(source=Numbers(shards=3), stages=list(stages))}, attempts=1
    )


def merging(tmp_path: Path, **merge: object) -> Pipeline:
    """A finished branch of 2 shards and 14 captioned samples, and its merge."""
    if not (tmp_path / "run" / "laion").exists():
        write_branch(str(tmp_path / "run" / "laion"), source="laion", shards=2, rows=10, captions="new")
        for folder in ("a", "captions/new"):
            for name in ("00000.txt", "00001.txt"):
                storage.write_text(str(tmp_path / "run" / "laion" / folder / name), "x")
    settings: dict[str, object] = {"output": str(tmp_path / "run" / "training"), "samples_per_shard": 8, **merge}
    stages = [Append(name="a"), Append(name="captions/new", after="a")]
    return Pipeline(
        dir=str(tmp_path / "run"),
        branches={"laion": Branch(source=Numbers(shards=2), stages=list(stages))},
        merge=Merge(resources=SMALL, **settings),  # type: ignore[arg-type]
    )


def digests(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_run_finishes_every_shard_and_a_second_one_finds_nothing_to_do(tmp_path: Path, ray_cluster: str) -> None:
    pipeline = two_stages(tmp_path)
    first = Run(pipeline, address=ray_cluster)()
    assert (first.complete, first.idle, first.shards, first.failures) == (True, False, 3, [])
    before = digests(tmp_path)

    display = Lines()
    second = Run(pipeline, address="nobody:1", display=display)()
    assert second.idle, "a second run must not even look for Ray"
    assert digests(tmp_path) == before
    assert display.lines == ["laion: all 3 shards are done"]


def test_what_failed_is_listed_and_only_that_is_done_again(tmp_path: Path, ray_cluster: str) -> None:
    first = Run(two_stages(tmp_path, failing={1: 1}), address=ray_cluster)()
    assert not first.complete
    assert [(failure.shard.index, failure.reason) for failure in first.failures] == [
        (1, "b: RuntimeError: shard 1 does not like call 1")
    ]
    again = Run(two_stages(tmp_path, failing={1: 1}), address=ray_cluster)()
    assert again.complete
    assert again.shards == 1
    calls = {folder.name: len(list(folder.iterdir())) for folder in (tmp_path / "log").iterdir()}
    assert calls == {"a-00000": 1, "a-00001": 1, "a-00002": 1, "b-00000": 1, "b-00001": 2, "b-00002": 1}


def test_a_changed_setting_over_old_files_is_refused_before_anything_starts(tmp_path: Path, ray_cluster: str) -> None:
    Run(two_stages(tmp_path), address=ray_cluster)()
    with pytest.raises(UsageError, match=r'b/ were made with other settings of b: text: "line" -> "other"'):
        Run(two_stages(tmp_path, text="other"), address="nobody:1")()


def test_an_input_that_is_missing_is_said_before_anything_starts(tmp_path: Path) -> None:
    pipeline = two_stages(tmp_path)
    pipeline.branches["laion"].source = Numbers(shards=1, file=str(tmp_path / "metadata.parquet"))
    with pytest.raises(ValueError, match=r"metadata\.parquet: no such file"):
        Run(pipeline, address="nobody:1")()


def test_branches_are_merged_into_shards_with_a_card(tmp_path: Path, ray_cluster: str) -> None:
    outcome = Run(merging(tmp_path, note="Only a test."), address=ray_cluster)()
    training_set = TrainingSet(str(tmp_path / "run" / "training"))
    assert (outcome.complete, outcome.shards) == (True, 2)
    rows = [storage.read_table(training_set.table(shard)).num_rows for shard in training_set.shards()]
    assert rows == [8, 6]
    card = storage.read_text(training_set.card())
    assert "> Only a test." in card
    assert "14 image-text pairs in 2 shards" in card
    page = storage.read_text(training_set.report())
    assert "<title>training</title>" in page
    assert "14 of 20 rows became training pairs" in page
    assert Run(merging(tmp_path, note="Only a test."), address="nobody:1")().idle


def test_a_set_without_statistics_has_a_report_and_one_that_cannot_be_written_stops_nothing(
    tmp_path: Path, ray_cluster: str
) -> None:
    pipeline = merging(tmp_path)
    statistics, page = tmp_path / "run" / "laion" / "statistics", tmp_path / "run" / "training" / "report.html"
    shutil.rmtree(statistics)
    assert Run(pipeline, address=ray_cluster)().complete
    assert "laion new" in page.read_text()

    page.unlink()
    for name in ("00000.json", "00001.json"):
        storage.write_text(str(statistics / "new" / name), "broken")
    display = Lines()
    assert Run(pipeline, address="nobody:1", display=display)().complete
    assert not page.exists()
    assert any(line.startswith("no report: ") for line in display.lines)


def test_a_changed_shard_size_is_refused_over_a_merged_set(tmp_path: Path, ray_cluster: str) -> None:
    Run(merging(tmp_path), address=ray_cluster)()
    with pytest.raises(UsageError, match=r"samples_per_shard: 8 -> 9.*delete .*training to have it made again"):
        Run(merging(tmp_path, samples_per_shard=9), address="nobody:1")()


def test_a_selection_to_compare_can_be_added_to_a_merged_set(tmp_path: Path, ray_cluster: str) -> None:
    Run(merging(tmp_path), address=ray_cluster)()
    before = digests(tmp_path / "run" / "training")
    pipeline = merging(tmp_path)
    pipeline.branches["laion"].stages.append(Select(name="loose", min_aesthetic=4.0, resources=SMALL))
    outcome = Run(pipeline, address=ray_cluster)()
    assert (outcome.complete, outcome.shards) == (True, 2)
    assert digests(tmp_path / "run" / "training") == before
    [compared] = compare(str(tmp_path / "run"), "selection", "loose")
    assert compared.only_second == {"aesthetic": 2}


def test_a_missing_shard_stops_the_merge_unless_it_is_allowed(tmp_path: Path, ray_cluster: str) -> None:
    def missing_one(allow: int) -> Pipeline:
        pipeline = merging(tmp_path, allow_missing=allow)
        shutil.rmtree(tmp_path / "run" / "laion" / "captions" / "new", ignore_errors=True)
        write_branch(str(tmp_path / "run" / "laion"), source="laion", shards=2, rows=10, captions="new")
        failing = replace(pipeline.branches["laion"].stages[1], failing={1: 99})  # type: ignore[type-var]
        pipeline.branches["laion"].stages[1] = failing
        return replace(pipeline, attempts=1)

    display = Lines()
    stopped = Run(missing_one(allow=0), address=ray_cluster, display=display)()
    assert (stopped.complete, stopped.merged) == (False, False)
    assert any("not merged: 1 shard(s) are missing" in line for line in display.lines)

    merged = Run(missing_one(allow=1), address=ray_cluster)()
    assert (merged.complete, merged.merged) == (False, True), "merged without it, and still not complete"
    training_set = TrainingSet(str(tmp_path / "run" / "training"))
    assert sum(storage.read_table(training_set.table(shard)).num_rows for shard in training_set.shards()) == 7


def test_what_a_killed_writer_left_is_cleared_away(tmp_path: Path, ray_cluster: str) -> None:
    left = tmp_path / "run" / "laion" / "a" / f"{storage.TEMPORARY}123"
    left.parent.mkdir(parents=True)
    left.touch()
    Run(two_stages(tmp_path), address=ray_cluster)()
    assert not left.exists()


def test_the_world_is_made_first_and_served_while_branches_run(tmp_path: Path, ray_cluster: str) -> None:
    events: list[str] = []

    class Small(World):
        def is_ready(self) -> bool:
            return (tmp_path / "metadata").exists()

        def prepare(self, say: Say) -> None:
            events.append("made")
            (tmp_path / "metadata").touch()

        @contextmanager
        def serve(self) -> Iterator[None]:
            events.append("up")
            yield
            events.append(f"down after {len(list((tmp_path / 'run' / 'laion' / 'b').iterdir()))} shards")

    pipeline = replace(two_stages(tmp_path), world=Small())
    pipeline.branches["laion"].source = Numbers(shards=2, file=str(tmp_path / "metadata"))
    Run(pipeline, address=ray_cluster)()
    assert events == ["made", "up", "down after 2 shards"]
