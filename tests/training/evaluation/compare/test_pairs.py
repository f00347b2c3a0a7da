"""The same prompts in several runs."""

import shutil
from pathlib import Path

import pytest

from tests.training.evaluation.compare.run_folders import dpg, save_run
from training.evaluation.compare.pairs import Side, pairs
from training.evaluation.compare.runs import read_runs


def test_prompts_that_differ_most_come_first_with_what_each_run_made_of_them(tmp_path: Path) -> None:
    one = save_run(tmp_path / "one", {"a": dpg(0.5), "b": dpg(1.0), "c": dpg(0.5), "alone": dpg(0.0)})
    two = save_run(tmp_path / "two", {"a": dpg(0.75), "b": dpg(0.25), "c": dpg(0.5)}, files={"c": None})
    save_run(tmp_path / "one", {"x": {"score": (1, 10)}}, what="t2i_compbench_color")
    save_run(tmp_path / "two", {"x": {"score": (10, 10)}}, what="t2i_compbench_color")
    found = pairs(read_runs([one, two], "fixed"))
    assert [(pair.evaluation, pair.prompt_id) for pair in found] == [
        ("T2I-CompBench color", "x"), ("DPG-Bench", "b"), ("DPG-Bench", "a"), ("DPG-Bench", "c"),
    ]  # fmt: skip
    assert [pair.difference for pair in found] == pytest.approx([0.9, -0.75, 0.25, 0.0])
    assert found[3].text == "prompt <c>"
    assert list(found[3].sides) == [
        Side(run="one", score=0.5, image=f"{one}/images/c.png"), Side(run="two", score=0.5, image=None),
    ]  # fmt: skip


def test_a_run_that_lacks_a_prompt_stands_empty_beside_those_that_have_it(tmp_path: Path) -> None:
    folders = [save_run(tmp_path / name, {"a": dpg(score)}) for name, score in (("one", 0.0), ("two", 0.5))]
    folders.append(save_run(tmp_path / "three", {"b": dpg(1.0)}))
    (pair,) = pairs(read_runs(folders, "fixed"))
    assert [(side.score, side.image is None) for side in pair.sides] == [(0.0, False), (0.5, False), (None, True)]
    assert pair.difference == 0.5


def test_images_are_found_in_a_run_that_has_moved(tmp_path: Path) -> None:
    folders = [save_run(tmp_path / "old" / name, {"a": dpg(0.0)}) for name in ("one", "two")]
    shutil.move(tmp_path / "old", tmp_path / "new")
    moved = [folder.replace("/old/", "/new/") for folder in folders]
    (pair,) = pairs(read_runs(moved, "fixed"))
    assert [side.image for side in pair.sides] == [f"{folder}/images/a.png" for folder in moved]
    shutil.rmtree(tmp_path / "new" / "one" / "images")
    (pair,) = pairs(read_runs(moved, "fixed"))
    assert pair.sides[0].image is None
