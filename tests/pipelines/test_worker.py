import json
import threading
from pathlib import Path

import pytest

from curation import storage
from curation.dataset import Dataset, Shard
from curation.stage import ShardResult
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


def test_neither_the_failure_nor_the_log_repeats_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_not_for_anyone")

    class Talkative(Append):
        def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
            raise OSError("403 for https://me:pw@host/x?sig=abc with hf_not_for_anyone")

    row = StageWorker(Talkative(name="a"), Dataset(str(tmp_path)), attempts=1)(new_row(SHARD))
    assert row["failure"] == "a: OSError: 403 for https://***@host/x?sig=*** with ***"
    assert "OSError: 403 for https://***@host/x?sig=*** with ***" in capsys.readouterr().err


class Loading(Append):
    """Says when it begins to load and when it is done; `process` must come after."""

    def setup(self) -> None:
        self.set_up_times = getattr(self, "set_up_times", 0) + 1
        started.set()
        assert go_on.wait(20)
        self.loaded = True
        super().setup()

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        assert self.loaded
        return super().process(dataset, shard)


started, go_on = threading.Event(), threading.Event()


@pytest.mark.parametrize("broken", [False, True])
def test_models_are_loaded_ahead_and_once_and_the_first_shard_waits_for_them(tmp_path: Path, broken: bool) -> None:
    started.clear()
    go_on.clear()
    stage = Loading(name="a", broken=broken)
    worker = StageWorker(stage, Dataset(str(tmp_path)), attempts=2, ahead=True)
    assert started.wait(20), "nothing was loaded before the first shard"
    threading.Timer(0.2, go_on.set).start()
    failures = [worker(new_row(Shard(index=index)))["failure"] for index in range(2)]
    assert failures == (["a: cannot start: OSError: no model here"] * 2 if broken else ["", ""])
    assert stage.set_up_times == 1


def test_without_that_nothing_is_loaded_before_the_first_shard(tmp_path: Path) -> None:
    started.clear()
    go_on.set()
    worker = StageWorker(Loading(name="a"), Dataset(str(tmp_path)), attempts=1)
    assert not started.wait(0.1)
    assert worker(new_row(SHARD))["failure"] == ""
