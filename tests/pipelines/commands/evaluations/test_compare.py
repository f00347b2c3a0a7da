from pathlib import Path

import pytest

from pipelines.cli import main
from tests.training.evaluation.compare.run_folders import dpg, save_run


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    scores = {"sd15": dpg(0.25), "ella": dpg(0.75)}
    return [save_run(tmp_path / name, dict.fromkeys("abc", score)) for name, score in scores.items()]


@pytest.mark.parametrize(("rule", "scores"), [("legacy", ("12.50", "37.50")), ("fixed", ("25.00", "75.00"))])
def test_runs_are_compared_by_either_rule(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str, scores: tuple[str, str]
) -> None:
    out = tmp_path / "out"
    assert main(["evaluate", "compare", *runs, "--output", f"{out}/", "--rule", rule]) == 0
    shown = capsys.readouterr().out
    first, second = scores
    difference = f"{float(second) - float(first):.2f}"
    assert shown.startswith(f"ella scores {second} on DPG-Bench, {difference} more than sd15.\n")
    assert f"| sd15 | {first} |" in shown
    assert f"| ella - sd15 | **+{difference} (+{difference} to +{difference})** |" in shown
    assert (out / "compare.md").read_text() in shown
    assert shown.splitlines()[-1] == f"page: {out}/compare.html"
    before = (out / "compare.html").read_bytes()
    assert b"prompt &lt;a&gt;" in before
    main(["evaluate", "compare", *runs, "--output", str(out), "--rule", rule])
    assert (out / "compare.html").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{run}"], "expected two or more"),
        (["{run}", "{run}"], "named twice"),
        (["{run}", "nowhere"], "nowhere: no results there"),
        (["{run}", "{run}", "--rule", "mine"], "rule"),
        ([], "runs"),
    ],
)
def test_what_cannot_be_compared_is_a_usage_error_in_one_line(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    given = [argument.format(run=runs[0]) for argument in arguments]
    assert main(["evaluate", "compare", *given, "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
