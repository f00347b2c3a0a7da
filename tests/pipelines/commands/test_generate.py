"""`ella generate` from its command line to its folder."""

import json
from pathlib import Path

import pytest
from PIL import Image

from pipelines.cli import main
from tests.training import tiny
from tests.training.inference import small


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("models")
    return [
        *("--base", small.save_sd15(folder / "sd15")),
        *("--text-encoder", tiny.save_text_encoder(folder / "t5")),
        *("--connector", small.save_connector(folder / "connector.safetensors")),
        *("--size", "32", "--steps", "2"),
    ]


def test_prompts_become_a_folder_that_the_same_command_goes_on_with(
    models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = tmp_path / "dpg.csv"
    prompts.write_text(f"item_id,text\nCOCO_1,{small.RED}\nCOCO_1,{small.RED}\nx2,{small.BLUE}\n")
    folder = tmp_path / "images"
    command = ["generate", "--prompts", str(prompts), "--grid", "2x2", "--output", str(folder), *models]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "8 images in" in shown
    assert "images/s" in shown
    assert Image.open(folder / "COCO_1.png").size == (64, 64)
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    assert [(line["file_name"], line["prompt"], len(line["seeds"])) for line in lines] == [
        ("COCO_1.png", small.RED, 4),
        ("x2.png", small.BLUE, 4),
    ]
    assert {"steps": 2, "grid": "2x2", "sampler": "dpm++", "precision": "float32"}.items() <= lines[0].items()

    (folder / "x2.png").write_bytes(b"cut off")
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "1 of 2 files are there already" in shown
    assert "4 images in" in shown
    assert main([*command, "--batch-size", "3"]) == 0
    assert "2 of 2 files are there already" in capsys.readouterr().out

    assert main([*command, "--guidance", "3"]) == 2
    error = capsys.readouterr().err
    assert "made with other settings (guidance: 12.0 -> 3.0)" in error
    assert error.count("\n") == 1


def test_prompts_of_the_command_line_can_name_their_files(models: list[str], tmp_path: Path) -> None:
    command = ["generate", small.RED, small.BLUE, "--images", "2", "--name-by", "prompt", "--output", str(tmp_path)]
    assert main([*command, *models]) == 0
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        f"{small.BLUE}_000002.png", f"{small.BLUE}_000003.png", f"{small.RED}_000000.png", f"{small.RED}_000001.png",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected either prompts or --prompts FILE"),
        (["a", "--prompts", "b.txt"], "expected either prompts or --prompts FILE"),
        (["--prompts", "nothing.txt"], "nothing.txt: no such file"),
        (["a", "--images", "0"], "--images 0, --batch-size 4: expected 1 or more"),
        (["a", "--grid", "two"], "grid 'two': expected ROWSxCOLUMNS"),
        (["a", "--steps", "0"], "steps: got 0, expected 1 or more"),
        (["a", "--sampler", "plms"], "plms"),
        (["a", "--connector", "nothing.safetensors"], "nothing.safetensors: "),
        (["a", "--base", "./no/base"], "diffusion model './no/base': cannot load its"),
        (["a", "--text-encoder", "./no/t5"], "text encoder './no/t5': cannot load it"),
    ],
)
def test_misuse_is_one_line_and_exit_code_2(
    models: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    assert main(["generate", *models, "--output", str(tmp_path / "images"), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.rglob("*.png"))
