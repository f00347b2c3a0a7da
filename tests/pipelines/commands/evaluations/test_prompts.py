import json
from pathlib import Path

import pytest

from pipelines.cli import main

PROMPT = "a red cup stands on a small wooden table beside a sleeping dog"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    rows = "".join(f"{item},{PROMPT} {item},{question}\n" for item in range(3) for question in ("yes?", "no?"))
    (tmp_path / "dpg.csv").write_text(f"item_id,text,question\n{rows}")
    (tmp_path / "captions.txt").write_text(f"{PROMPT} 1\nsomething else\n")
    return tmp_path


def test_a_prompt_with_a_row_for_each_question_is_one_prompt(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "prompts", str(files / "dpg.csv")]) == 0
    assert "| dpg.csv | 3 |" in capsys.readouterr().out


def test_what_was_seen_is_counted_shown_and_kept(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "prompts", str(files / "dpg.csv"), "--against", str(files / "captions.txt")]
    assert main([*command, "--output", str(files / "out"), "--nearness", "0.9"]) == 0
    shown = capsys.readouterr().out
    assert "| dpg.csv | 3 | 3 (100.0 %) | 1 (33.3 %) |" in shown
    assert "1 nearly the same, text 1: a red cup" in shown
    result = json.loads((files / "out" / "prompts.json").read_text())
    assert result["captions"] == 2
    assert [row["prompt"] for row in result["files"]["dpg.csv"]["seen"]] == [f"{PROMPT} {item}" for item in (1, 0, 2)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["{folder}/none.csv"], "no such file"),
        (["{folder}/dpg.csv", "--run", "2"], "4 or more"),
        (["{folder}/dpg.csv", "--workers", "0"], "expected 1 or more"),
        (["{folder}/dpg.csv", "{folder}/./dpg.csv"], "the same name"),
        (["{folder}/dpg.csv", "--column", "txt"], "did you mean 'text'"),
    ],
)
def test_misuse_is_one_line_and_exit_code_2(
    options: list[str], message: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "prompts", *(option.format(folder=files) for option in options)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
