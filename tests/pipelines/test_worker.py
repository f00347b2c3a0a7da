import json
from pathlib import Path

from curation import storage
from curation.dataset import Dataset, Shard
from pipelines.worker import StageWorker, new_row
from tests.pipelines.shards import Append

SHARD = Shard(index=3)


def calls(log: Path) -> int:
    return sum(len(list(folder.iterdir())) for folder in log.iterdir()) if log.exists() else 0


def test_a_shard_is_done_and_its_result_goes_with_it(tmp_path: Path) -> None:
    dataset, stage = Dataset(str(tmp_path)), Append(name="a")
    row = StageWorker(stage, dataset, attempts=1)(new_row(SHARD))
    assert row["failure"] == ""
    (result,) = json.loads(row["results"])
    assert result == {
        "stage": "a",
        "rows": 10,
        "kept": 9,
        "rejects": {"dns": 1},
        "seconds": 0.5,
        "counts": {"lines": 1},
    }
    assert storage.read_text(stage.output(dataset, SHARD)) == "line\n"


def test_a_finished_shard_is_passed_on_untouched_and_loads_nothing(tmp_path: Path) -> None:
    dataset, stage = Dataset(str(tmp_path)), Append(name="a", broken=True, log=str(tmp_path / "log"))
    storage.write_text(stage.output(dataset, SHARD), "before")
    row = StageWorker(stage, dataset, attempts=1)(new_row(SHARD))
    assert row == new_row(SHARD)
    assert storage.read_text(stage.output(dataset, SHARD)) == "before"
    assert calls(tmp_path / "log") == 0


def test_an_error_is_tried_again_a_bounded_number_of_times(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    stage = Append(name="a", failing={3: 2}, log=str(tmp_path / "log"))
    assert StageWorker(stage, dataset, attempts=3, pause=0)(new_row(SHARD))["failure"] == ""
    assert calls(tmp_path / "log") == 3


def test_a_shard_that_goes_on_failing_says_why_and_is_not_tried_further_down(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    stage = Append(name="a", failing={3: 9}, log=str(tmp_path / "log"))
    row = StageWorker(stage, dataset, attempts=2, pause=0)(new_row(SHARD))
    assert row["failure"] == "a: RuntimeError: shard 3 does not like call 2"
    below = StageWorker(Append(name="b", after="a", log=str(tmp_path / "log")), dataset, attempts=2)(row)
    assert below == row
    assert calls(tmp_path / "log") == 2


def test_a_stage_that_cannot_start_is_tried_once_a_worker(tmp_path: Path) -> None:
    dataset, stage = Dataset(str(tmp_path)), Append(name="a", broken=True, log=str(tmp_path / "log"))
    worker = StageWorker(stage, dataset, attempts=3)
    for _ in range(2):
        assert worker(new_row(SHARD))["failure"] == "a: cannot start: OSError: no model here"
    assert calls(tmp_path / "log") == 0
