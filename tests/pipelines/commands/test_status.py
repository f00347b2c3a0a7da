from pathlib import Path

import pytest

from curation.selection import Select
from pipelines.cli import main
from tests.pipelines.shards import write_branch


def test_the_funnel_of_a_folder_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_branch(str(tmp_path / "laion"), source="laion", shards=1, rows=10, captions="new")
    assert main(["status", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "laion" in shown
    assert "The aesthetic score is not over the threshold." in shown


def test_a_folder_that_is_none_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(tmp_path / "nothing")]) == 2
    assert "expected the folder of a run" in capsys.readouterr().err


def test_no_folder_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 2
    assert "dir" in capsys.readouterr().err


def test_the_funnel_is_drawn_where_it_is_asked_for(tmp_path: Path) -> None:
    write_branch(str(tmp_path / "laion"), source="laion", shards=1, rows=10, captions="new")
    assert main(["status", str(tmp_path), "--svg", str(tmp_path / "funnel.svg")]) == 0
    assert "<title>Rows that got through" in (tmp_path / "funnel.svg").read_text()


def test_two_selections_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = write_branch(str(tmp_path / "laion"), source="laion", shards=1, rows=10, captions="new")
    Select(name="loose", min_aesthetic=4.0).process(dataset, dataset.shards()[0])
    assert main(["status", str(tmp_path), "--compare", "selection", "loose"]) == 0
    shown = capsys.readouterr().out
    assert "kept by loose alone" in shown
    assert "The aesthetic score is not over the threshold." in shown
    assert main(["status", str(tmp_path), "--compare", "selection", "lose"]) == 2
    assert "there are: loose, selection" in capsys.readouterr().err


def test_the_worst_hosts_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_branch(str(tmp_path / "laion"), source="laion", shards=1, rows=10, captions="new")
    assert main(["status", str(tmp_path), "--hosts"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "host │ 10 │ 1 │ 90% │ not_found 1" in shown
