import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.pipelines.report.merged import merged_run


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    (tmp_path / "prompts.txt").write_text("a red cat\ntwo dogs on a mat\n")
    return str(tmp_path / "prompts.txt")


def test_a_report_is_written_and_its_first_lines_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    merged_run(tmp_path / "run")
    out = tmp_path / "out"
    assert main(["report", str(tmp_path / "run"), "--output", str(out)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("14 of 20 rows became training pairs (70.0 %)")
    assert (out / "statistics.md").read_text() in printed
    assert printed.splitlines()[-1] == f"report: {out}/report.html"
    assert "a picture of number" in (out / "report.html").read_text()
    assert json.loads((out / "statistics.json").read_text())["texts"]["laion new"]["words"] == 5


def test_a_sample_prints_its_intervals(prompts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", prompts, "--sample", "2", "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "prompts.txt: words 2.04 to 5.96" in printed
    assert "Measured on a draw by sample_id: 2 texts" in printed
    assert main(["report", prompts, "--output", str(tmp_path / "out")]) == 0
    assert "intervals" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{prompts}", "--column", "caption"], "has no column 'caption'"),
        (["{prompts}.nothing"], "no such file or folder"),
        (["{prompts}", "--sample", "-1"], "expected 1 or more"),
        (["{prompts}", "--sample", "many"], "sample"),
        (["{prompts}", "--ouput", "x"], "ouput"),
        ([], "paths"),
    ],
)
def test_what_cannot_be_reported_on_is_a_usage_error_in_one_line(
    prompts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    given = [argument.format(prompts=prompts) for argument in arguments]
    assert main(["report", *given, "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("ella: report: ")
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_without_nltks_data_all_else_is_reported(prompts: str, tmp_path: Path) -> None:
    code = (
        "import sys, nltk; nltk.data.path[:] = [sys.argv[1]];"
        "from pipelines.cli import main; sys.exit(main(['report', sys.argv[2], '--output', sys.argv[1] + '/out']))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), prompts],
        env={name: value for name, value in os.environ.items() if name != "NLTK_DATA"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert "| prompts.txt | 2 | 4.00 ± 1.00 | missing | missing | missing | 6.00 ± 1.00 |" in shown.stdout
    assert "python -m nltk.downloader averaged_perceptron_tagger_eng punkt_tab" in shown.stdout
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count('<td class="missing">missing</td>') == 4, "three parts of speech and the distinct nouns"
    assert "NLTK&#x27;s data is missing" in page
