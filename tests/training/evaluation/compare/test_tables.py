"""The paper's tables, from scores worked out by hand."""

from pathlib import Path

import pytest

from tests.training.evaluation.compare.run_folders import dpg, save_run
from training.evaluation.compare.runs import Run, read_runs
from training.evaluation.compare.tables import is_sure, markdown, tables
from training.evaluation.scores import Estimate


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    worse = {str(number): dpg(0.25, (1, 4)) for number in range(10)}
    better = {str(number): dpg(0.75, (number % 2, 4)) for number in range(10)}
    folders = [save_run(tmp_path / "base", worse), save_run(tmp_path / "ella", better)]
    save_run(tmp_path / "base", {"p": {"score": (3, 10)}, "q": {"score": (4, 10)}}, what="t2i_compbench_color")
    save_run(tmp_path / "ella", {"p": {"score": (5, 10)}, "q": {"score": (6, 10)}}, what="t2i_compbench_color")
    save_run(tmp_path / "ella", {"p": {"score": (1, 10)}}, what="t2i_compbench_complex")
    return read_runs(folders, "fixed")


def test_scores_and_differences_stand_as_the_paper_has_them(runs: list[Run]) -> None:
    compbench, dense = tables(runs)
    assert markdown(compbench).splitlines() == [
        "| T2I-CompBench | color | complex |",
        "| :-- | --: | --: |",
        "| base | 0.3500 | - |",
        "| ella | 0.5500 | 0.1000 |",
        "| ella - base | **+0.2000 (+0.2000 to +0.2000)** | - |",
    ]
    lines = markdown(dense).splitlines()
    assert lines[0] == "| DPG-Bench | average | entity |"
    assert lines[2:4] == ["| base | 25.00 | 25.00 |", "| ella | 75.00 | 12.50 |"]
    assert lines[4].startswith("| ella - base | **+50.00 (+50.00 to +50.00)** | **-12.50 (-")
    change = dense.changes["ella"]["entity"]
    assert change.low < -0.125 < change.high < 0


def test_a_difference_is_sure_where_its_interval_leaves_out_0() -> None:
    assert is_sure(Estimate(value=1, low=0.1, high=2))
    assert is_sure(Estimate(value=-1, low=-2, high=-0.1))
    assert not is_sure(Estimate(value=1, low=-0.1, high=2))


def test_columns_are_in_the_papers_order_and_unknown_ones_come_last(tmp_path: Path) -> None:
    parts = {f"level1/{name}": (1.0, 2.0) for name in ("zoo", "other", "relation", "global", "attribute", "entity")}
    folders = [save_run(tmp_path / name, {"a": {"overall": (1, 1), **parts}}) for name in ("one", "two")]
    (table,) = tables(read_runs(folders, "fixed"))
    assert [column.label for column in table.columns] == [
        "average", "global", "entity", "attribute", "relation", "other", "zoo",
    ]  # fmt: skip


def test_what_makes_runs_hard_to_compare_is_said(tmp_path: Path) -> None:
    one = save_run(tmp_path / "one", {"a": dpg(1.0), "b": dpg(0.0)}, settings="mplug")
    two = save_run(tmp_path / "two", {"b": dpg(0.5), "c": dpg(0.5), "d": dpg(1.0)}, settings="blip")
    (table,) = tables(read_runs([one, two], "fixed"))
    assert list(table.notes) == [
        "DPG-Bench: one and two were not judged alike, so their scores do not compare: they differ in judge.",
        "DPG-Bench: differences of two are over the 1 prompts that it shares with one (3 and 2).",
    ]
    assert table.changes["two"]["average"].value == 0.5, "b alone"
    assert markdown(table).splitlines()[-2:] == table.notes


def test_a_run_without_a_benchmark_has_no_numbers_there(tmp_path: Path) -> None:
    one = save_run(tmp_path / "one", {"a": dpg(1.0)})
    two = save_run(tmp_path / "two", {"p": {"score": (3, 10)}}, what="t2i_compbench_shape")
    compbench, dense = tables(read_runs([one, two], "fixed"))
    assert (dict(compbench.changes["two"]), dict(dense.changes["two"])) == ({}, {})
    assert "| two - one | - | - |" in markdown(dense)
