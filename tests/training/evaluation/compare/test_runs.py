"""Results read back from the folders of runs."""

from pathlib import Path

import pytest

from tests.training.evaluation.compare.run_folders import dpg, save_run
from training.evaluation.compare.runs import names, read_runs


def test_a_run_has_what_was_evaluated_in_it_by_the_rule_that_is_asked_for(tmp_path: Path) -> None:
    one = save_run(tmp_path / "one", {"a": dpg(1.0), "b": dpg(0.5)})
    two = save_run(tmp_path / "two", {"a": dpg(1.0)})
    save_run(tmp_path / "two", {"x": {"score": (3, 4)}}, what="t2i_compbench_color")
    first, second = read_runs([one, f"{two}/evaluation/"], "fixed")
    assert (first.name, second.name) == ("one", "two")
    assert list(first.evaluations) == ["DPG-Bench"]
    assert list(second.evaluations) == ["DPG-Bench", "T2I-CompBench color"]
    assert [score.parts["overall"] for score in first.evaluations["DPG-Bench"].scores] == [(1, 1), (0.5, 1)]
    (legacy, _) = read_runs([one, two], "legacy")
    assert [score.parts["overall"] for score in legacy.evaluations["DPG-Bench"].scores] == [(0.5, 1), (0.25, 1)]
    assert first.evaluations["DPG-Bench"].prompts["a"].text == "prompt <a>"


def test_names_are_as_short_as_they_can_be() -> None:
    assert names(["runs/a", "runs/b"]) == ["a", "b"]
    assert names(["x/run/1", "y/run/1", "y/run/2"]) == ["x/run/1", "y/run/1", "y/run/2"]
    assert names(["a", "x/a"]) == ["a", "x/a"]


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    one = save_run(tmp_path / "one", {"a": dpg(1.0)})
    with pytest.raises(ValueError, match="expected two or more"):
        read_runs([one], "fixed")
    with pytest.raises(ValueError, match="named twice"):
        read_runs([one, f"{one}/evaluation/"], "fixed")
    with pytest.raises(ValueError, match=r"nothing: no results there .* run `ella evaluate dpg`"):
        read_runs([one, str(tmp_path / "nothing")], "fixed")
