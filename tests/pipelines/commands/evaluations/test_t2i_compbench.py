import json
import os
from pathlib import Path

import pytest
from PIL import Image

from pipelines.cli import main
from tests.training.evaluation.compbench.small_models import save_clip

COMMAND = ["evaluate", "t2i-compbench"]
JUDGE = ["--judge", "tests.training.evaluation.looking.LookingJudge"]


@pytest.fixture
def images(tmp_path: Path) -> str:
    folder = tmp_path / "images"
    folder.mkdir()
    for number, colour in enumerate(((200, 20, 10), (20, 200, 10))):
        Image.new("RGB", (16, 16), colour).save(folder / f"a red cup_{number:06d}.png")
    return str(folder)


needs_nltk = pytest.mark.skipif("NLTK_DATA" not in os.environ, reason="NLTK's data is not there: set NLTK_DATA to it")


@needs_nltk
def test_both_scores_are_printed_where_asked_for_and_kept(images: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, images, "--category", "color", *JUDGE]) == 0
    shown = capsys.readouterr().out
    assert "| legacy | 0.4783 |" in shown  # (200 + 20) / 230 / 2
    assert "fixed" not in shown
    result = Path(images).parent / "evaluation" / "t2i_compbench_color.json"
    assert str(result) in shown
    assert json.loads(result.read_text())["fixed"]["score"] == pytest.approx(110 / 230)

    assert main([*COMMAND, images, "--category", "color", "--fixed", *JUDGE]) == 0
    assert "| fixed | 0.4783 |" in capsys.readouterr().out


@needs_nltk
def test_a_small_clip_scores_what_happens(images: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_clip(tmp_path / "clip")
    options = ["--category", "non-spatial", "--clip.model", str(tmp_path / "clip"), "--clip.device", "cpu"]
    assert main([*COMMAND, images, *options, *JUDGE]) == 0
    assert "| legacy | " in capsys.readouterr().out


@needs_nltk
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--category", "colour"], "category"),
        (["--category", "color", "--prompts", "{folder}/prompts.txt"], "no image to judge for 'a dog'"),
        (["--category", "color", "--prompts", "{folder}/empty.txt"], "no prompts there"),
        (["--category", "spatial", "--detector.threshold", "2"], "threshold is 2.0"),
    ],
)
def test_misuse_is_one_line_and_exit_code_2(
    options: list[str], message: str, images: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prompts.txt").write_text("a red cup\na dog\n")
    (tmp_path / "empty.txt").write_text("\n")
    assert main([*COMMAND, images, *(option.format(folder=tmp_path) for option in options), *JUDGE]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
