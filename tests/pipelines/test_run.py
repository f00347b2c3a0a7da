import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from curation import storage
from curation.dataset import TrainingSet
from curation.duplicates import Duplicates
from curation.selection import Select
from pipelines.compare import compare
from pipelines.errors import UsageError
from pipelines.merge import Merge, merge_summary
from pipelines.pipeline import Branch, Pipeline, Say, World
from pipelines.progress import Display
from pipelines.run import Run
from tests.pipelines import small_run
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


def test_caches_are_made_of_every_shard_of_the_merged_set(tmp_path: Path, ray_cluster: str) -> None:
    def cached(**second: object) -> Pipeline:
        caches = [Append(name="latents"), Append(name="text/own", after="latents", **second)]  # type: ignore[arg-type]
        return replace(merging(tmp_path), caches=list(caches), attempts=1)

    log = str(tmp_path / "log")
    first = Run(cached(failing={1: 1}, log=log), address=ray_cluster)()
    assert [(failure.shard.index, failure.dataset) for failure in first.failures] == [
        (1, str(tmp_path / "run" / "training"))
    ]
    assert not first.complete
    assert Run(cached(failing={1: 1}, log=log), address=ray_cluster)().complete
    folder = tmp_path / "run" / "training"
    for name, lines in (("latents", "line\n"), ("text/own", "line\nline\n")):
        texts = [(folder / name / f"0000{index}.txt").read_text() for index in (0, 1)]
        assert texts == [lines, lines]
    assert Run(cached(), address="nobody:1")().idle


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


def small(tmp_path: Path, folder: str, duplicates: Duplicates | None) -> Pipeline:
    pipeline = small_run.small_pipeline(tmp_path / "world", tmp_path / folder)
    stages = pipeline.branches["journeydb"].stages
    stages[2] = replace(stages[2], duplicates=duplicates)  # type: ignore[type-var]
    return pipeline


def reasons(pipeline: Pipeline) -> dict[str, str | None]:
    """Of every image that was scored."""
    dataset = pipeline.dataset("journeydb")
    tables = [storage.read_table(dataset.selection(shard)) for shard in dataset.shards()]
    return {row["sample_id"]: row["reason"] for table in tables for row in table.to_pylist()}


def test_duplicates_are_dropped_before_they_are_captioned_as_the_merge_would_drop_them(
    tmp_path: Path, ray_cluster: str
) -> None:
    small_run.write_journeydb(tmp_path / "world", archives=3, images=10)
    late, early = small(tmp_path, "late", None), small(tmp_path, "early", Duplicates(max_repeats=3))
    late.merge = replace(late.merge, duplicates=Duplicates(max_repeats=3))  # type: ignore[type-var]
    for pipeline in (late, early):
        outcome = Run(pipeline, address=ray_cluster)()
        assert outcome.complete
        assert outcome.shards == 3 + len(TrainingSet(pipeline.merge.output).shards())  # type: ignore[union-attr]
    planned = [
        {row["sample_id"] for shard in sets.shards() for row in storage.read_table(sets.table(shard)).to_pylist()}
        for sets in (TrainingSet(str(tmp_path / folder / "training")) for folder in ("late", "early"))
    ]
    assert planned[0] == planned[1]
    dropped = {reason for reason in reasons(early).values() if reason}
    assert "placeholder" in dropped
    assert "placeholder" not in reasons(late).values()
    captioned = [
        sum(storage.read_table(dataset.captions(small_run.CAPTIONS, shard)).num_rows for shard in dataset.shards())
        for dataset in (late.dataset("journeydb"), early.dataset("journeydb"))
    ]
    assert captioned[1] == len(planned[1]) < captioned[0]
    summary = merge_summary(TrainingSet(str(tmp_path / "early" / "training")))
    assert summary["rejects"] == {}, "the merge finds none again"

    display = Lines()
    assert Run(early, address="nobody:1", display=display)().idle
    assert display.lines == ["journeydb: all 3 shards are done"]
    with pytest.raises(UsageError, match=r"candidates/ were made with other settings.*near_bits: 2 -> 1"):
        Run(small(tmp_path, "early", Duplicates(max_repeats=3, near_bits=1)), address="nobody:1")()


def test_nothing_is_decided_while_shards_are_missing(tmp_path: Path, ray_cluster: str) -> None:
    small_run.write_journeydb(tmp_path / "world", archives=3, images=6)

    def failing(folder: str, calls: int) -> Pipeline:
        pipeline = replace(small(tmp_path, folder, Duplicates()), merge=None, attempts=1)
        fails = Append(name="extra", log=str(tmp_path / f"log {folder}"), failing={1: calls})
        pipeline.branches["journeydb"].stages.insert(2, fails)
        return pipeline

    assert Run(failing("whole", calls=0), address=ray_cluster)().complete
    display = Lines()
    outcome = Run(failing("broken", calls=1), address=ray_cluster, display=display)()
    assert [failure.shard.index for failure in outcome.failures] == [1]
    assert display.lines[-1] == (
        "journeydb: selection waits for all shards: 1 are missing, and merge.allow_missing is 0"
    )
    assert not (tmp_path / "broken" / "journeydb" / "selection").exists()
    assert Run(failing("broken", calls=1), address=ray_cluster)().complete
    for folder in ("candidates", "selection"):
        whole, broken = (digests(tmp_path / run / "journeydb" / folder) for run in ("whole", "broken"))
        assert whole == broken
