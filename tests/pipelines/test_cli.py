import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cli import COMMANDS, main


def test_help_lists_every_command_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, (_, line) in COMMANDS.items():
        assert name in shown
        assert line in shown
    assert "examples:" in shown


def test_no_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage:" in capsys.readouterr().out


def test_a_misspelt_command_offers_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quikstart"]) == 2
    assert capsys.readouterr().err == (
        "ella: no command 'quikstart' (did you mean 'quickstart'?); `ella --help` lists them\n"
    )


def test_a_wrong_input_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("ella: status: ")
    assert error.count("\n") == 1


def test_an_interrupt_says_that_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.commands.status.main", interrupted)
    assert main(["status", "x"]) == 130
    assert "the same command does the rest" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_answers_help_with_examples(name: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", name, "--help"], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    assert "usage:" in shown.stdout
    assert "example" in shown.stdout


def test_help_loads_none_of_the_heavy_packages() -> None:
    code = (
        "import sys\nfrom pipelines.cli import main\n"
        "try:\n    main(['run', '--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('torch', 'ray', 'transformers', 'img2dataset', 'lightning') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("error", ["OSError", "AssertionError"])
def test_a_traceback_has_no_secrets(error: str, tmp_path: Path) -> None:
    said = "s3://me:hunter2@bucket/a and a-token-of-mine"
    (tmp_path / "failing.py").write_text(f"def main(args):\n    raise {error}(args[0])\n")
    code = (
        "import sys; from pipelines import cli; "
        "cli.COMMANDS['fail'] = ('failing', ''); sys.exit(cli.main(['fail', sys.argv[1]]))"
    )
    secrets = {"ELLA_TRACEBACK": "1", "HF_TOKEN": "a-token-of-mine", "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", code, said], env={**os.environ, **secrets}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "failing.py" in ended.stderr
    assert f"{error}: s3://***@bucket/a and ***" in ended.stderr
