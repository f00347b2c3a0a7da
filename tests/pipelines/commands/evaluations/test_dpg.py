"""The whole command, from a folder of images to a table, killed and gone on with."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.training.evaluation.dpg.tables import row, save
from tests.training.evaluation.looking import save_grid
from training.evaluation.answers import FOLDER

JUDGE = "tests.training.evaluation.looking.LookingJudge"
COLOURS = ["red", "green", "blue", "grey"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder: images of four items, and the benchmark's table beside."""
    (tmp_path / "images").mkdir()
    for number in range(4):
        save_grid(tmp_path / "images" / f"{number}.png", [COLOURS[number], "red", "blue", COLOURS[-number]])
    questions = ("is it red?", "is it blue?", "what is it?")
    rows = [row(str(item), number, question=text) for item in range(4) for number, text in enumerate(questions, 1)]
    save(tmp_path / "dpg.csv", rows)
    return tmp_path


def arguments(run: Path, *more: str) -> list[str]:
    given = ["evaluate", "dpg", str(run / "images"), "--csv", str(run / "dpg.csv"), "--resolution", "8"]
    return [*given, "--judge", JUDGE, "--judge.log", str(run / "log"), *more]


def test_a_run_is_scored_and_shown(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(run)) == 0
    shown = capsys.readouterr().out.splitlines()
    result = json.loads((run / "evaluation" / "dpg.json").read_text())
    assert shown[0] == "|  | fixed | 95 % | legacy | 95 % |"
    assert f"| **overall** | {result['fixed']['overall']:.2f} |" in shown[2]
    assert "16 of 48 answers are neither yes nor no, and count as no: 'perhaps' 16 times." in shown
    assert shown[-1] == f"result: {run}/evaluation/dpg.json"
    assert len((run / "log").read_text().splitlines()) == 48


def test_a_killed_evaluation_goes_on_where_it_was(run: Path) -> None:
    slow = arguments(run, "--judge.pause", "0.05", "--judge.batch_size", "2")
    process = subprocess.Popen([sys.executable, "-m", "pipelines.cli", *slow], stdout=subprocess.DEVNULL)
    answers = run / "evaluation" / FOLDER
    while not answers.exists() or len(list(answers.glob("*.parquet"))) < 5:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = len((run / "log").read_text().splitlines())
    kept = 2 * len(list(answers.glob("*.parquet")))
    assert 10 <= kept < 48
    assert main(arguments(run)) == 0
    asked = len((run / "log").read_text().splitlines()) - before
    assert asked == 48 - kept, "what was answered was asked again, or not enough was asked"
    killed = (run / "evaluation" / "answers.parquet").read_bytes()
    assert main(arguments(run, "--output", str(run / "whole"))) == 0
    assert (run / "whole" / "answers.parquet").read_bytes() == killed
    assert (run / "whole" / "dpg.json").read_bytes() == (run / "evaluation" / "dpg.json").read_bytes()
    assert not answers.exists()


def test_missing_images_stop_or_count(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "images" / "2.png").unlink()
    assert main(arguments(run)) == 2
    assert "1 of 4 items have no image to judge: 2 (no image)" in capsys.readouterr().err
    assert main(arguments(run, "--allow-missing")) == 0
    assert "1 of 4 items have no readable image" in capsys.readouterr().out


def test_a_broken_table_stops_or_is_passed_over(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(run / "dpg.csv", [row("0", 1, "9"), row("1", 1)])
    assert main(arguments(run)) == 2
    assert "proposition 1 depends on 9, which is not there. Repair" in capsys.readouterr().err
    assert main(arguments(run, "--allow-broken")) == 0
    assert "1 faults of the table were passed over in `fixed`: item 0:" in capsys.readouterr().out


def test_an_error_of_the_judge_keeps_what_it_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = (run / "dpg.csv").read_text().splitlines()
    (run / "dpg.csv").write_text("\n".join([*table[:-1], table[-1].replace("what is it?", "die?")]) + "\n")
    assert main(arguments(run, "--judge.dies_at", "die?")) == 1
    assert "the judge died" in capsys.readouterr().err
    asked = (run / "log").read_text().splitlines()
    assert main(arguments(run)) == 0
    again = (run / "log").read_text().splitlines()[len(asked) :]
    assert "die?" in again
    assert len(again) == 12, "the last image alone"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--resolution", "9"], "expected 2x2 grids of 9 x 9 images"),
        (["--crops", "5"], "crops is 5"),
        (["--csv", "nothing.csv"], "nothing.csv"),
        (["--judge", "blib"], "did you mean 'blip'?"),
        (["--ouput", "x"], "ouput"),
    ],
)
def test_what_cannot_be_scored_is_a_usage_error_in_one_line(
    run: Path, capsys: pytest.CaptureFixture[str], change: list[str], said: str
) -> None:
    assert main(arguments(run, *change)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (run / "evaluation").exists()
