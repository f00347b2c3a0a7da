"""`ella attention` from its command line to its two files."""

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
    connector = small.save_connector(folder / "connector.safetensors")
    return ["--text-encoder", tiny.save_text_encoder(folder / "t5"), "--connector", connector]


def test_a_prompt_becomes_a_picture_and_numbers(
    models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "deep" / "map")
    assert main(["attention", "a red square", *models, "--steps", "5", "--output", output]) == 0
    assert capsys.readouterr().out == f"4 tokens at 5 timesteps: {output}.png, {output}.json\n"
    with Image.open(f"{output}.png") as picture:
        assert picture.width > 500
    numbers = json.loads(Path(f"{output}.json").read_text())
    assert numbers["tokens"] == ["a", "red", "square", "</s>"]
    assert numbers["timesteps"] == [999, 749, 500, 250, 0]
    assert all(max(column) == 1.0 for column in zip(*numbers["relative"], strict=True))
    assert [len(numbers["weights"]), len(numbers["weights"][0])] == [2, 5]


def test_a_block_and_a_length_can_be_chosen(models: list[str], tmp_path: Path) -> None:
    pictures = []
    for name, options in (("all", []), ("first", ["--block", "0"]), ("flexible", ["--length", "flexible"])):
        output = tmp_path / name
        assert main(["attention", "a red square", *models, "--steps", "5", "--output", str(output), *options]) == 0
        pictures.append(output.with_suffix(".png").read_bytes())
    assert len(set(pictures)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["", "--steps", "5"], "the prompt is empty"),
        (["a", "--steps", "1"], "steps: got 1, expected 2 to 1000"),
        (["a", "--block", "2"], "--block 2: this connector has blocks 0 to 1"),
        (["a", "--connector", "nothing.safetensors"], "nothing.safetensors"),
        (["a", "--text-encoder", "./nothing"], "text encoder './nothing': cannot load it"),
        ([], "prompt"),
    ],
)
def test_misuse_is_one_line_and_exit_code_2(
    models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["attention", *models, "--output", str(tmp_path / "map"), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
