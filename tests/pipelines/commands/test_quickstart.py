from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.commands import quickstart
from pipelines.miniature import Miniature
from pipelines.pipeline import Pipeline


def test_it_runs_the_shipped_configuration_in_the_folder_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the run itself does is tested on the same configuration, over a smaller world: test_whole_run.py."""
    ran = []

    def execute(pipeline: Pipeline, address: str | None) -> int:
        ran.append((pipeline, address))
        return 0

    monkeypatch.setattr(quickstart, "execute", execute)
    monkeypatch.chdir(tmp_path)
    assert main(["quickstart", "--dir", "here"]) == 0
    [(pipeline, address)] = ran
    assert address is None
    assert pipeline.dir == str(tmp_path / "here")
    assert pipeline.world == Miniature(dir=pipeline.dir)
    assert pipeline.merge is not None
    assert pipeline.merge.output == f"{pipeline.dir}/training"
    assert pipeline.train is not None
    assert "captions are fluent and mostly wrong" in capsys.readouterr().out


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quickstart", "--drr", "x"]) == 2
    assert "did you mean 'dir'" in capsys.readouterr().err
