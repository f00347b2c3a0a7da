import warnings
from pathlib import Path

import pytest

import pipelines
from pipelines.cli import main
from tests.pipelines.whole_run import WholeRun

QUICKSTART = Path(pipelines.__file__).parent / "configs" / "quickstart.yaml"


def rows(shown: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines()]


def test_before_the_first_run_a_plan_shows_settings_and_stages_and_does_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # jsonargparse says so of what it is going to drop
        assert main(["plan", str(QUICKSTART), "--dir", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr().out
    assert "user_agent_token: null" in shown, "what is not set is shown too"
    assert f"metadata: {tmp_path}/run/world/laion/*.parquet" in shown, "settings are resolved"
    assert ["laion", "images", "0", "?", "1", "0.5", "0", "0"] in rows(shown)
    assert "the run makes a miniature world first" in shown
    assert not (tmp_path / "run").exists()


def test_after_a_run_nothing_is_pending_and_bytes_are_known(
    whole_run: WholeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(whole_run.config), "--dir", str(whole_run.folder)]) == 0
    stages = {(row[0], row[1]): row for row in rows(capsys.readouterr().out) if len(row) == 8}
    images = stages["laion", "images"]
    assert int(images[2]) > 0
    assert images[3] == "0"
    assert int(images[7].replace(",", "")) > 10_000
    assert stages["training set", "shards"][3] == "0"


def test_missing_metadata_is_said_before_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = QUICKSTART.with_name("laion_coyo_journeydb.yaml")
    assert main(["plan", str(config), "--dir", str(tmp_path)]) == 2
    assert "metadata/laion/*.parquet: no .parquet file there" in capsys.readouterr().err
