"""Where results are."""

from pathlib import Path

import pytest

from training.evaluation.folders import beside, result_path


@pytest.mark.parametrize(
    ("images", "folder"),
    [
        ("runs/ella/images", "runs/ella/evaluation"),
        ("runs/ella/images/", "runs/ella/evaluation"),
        ("images", "evaluation"),
        ("/images", "/evaluation"),
        ("s3://bucket/run/images", "s3://bucket/run/evaluation"),
    ],
)
def test_results_go_beside_the_images(images: str, folder: str) -> None:
    assert beside(images) == folder


def test_a_result_is_found_in_the_run_or_in_its_evaluation(tmp_path: Path) -> None:
    assert result_path(str(tmp_path), "dpg.json") is None
    (tmp_path / "dpg.json").write_text("{}")
    assert result_path(str(tmp_path), "dpg.json") == f"{tmp_path}/dpg.json"
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "dpg.json").write_text("{}")
    assert result_path(f"{tmp_path}/", "dpg.json") == f"{tmp_path}/evaluation/dpg.json"
