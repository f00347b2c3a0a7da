"""`ella train`: its help, and what is no command of it."""

import subprocess
import sys

import pytest

from training.cli import main


def test_help_lists_the_commands_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    shown = capsys.readouterr().out
    assert "ella train fit --config training/configs/quickstart.yaml" in shown
    assert "ella train compare /data/ella/connector" in shown


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from training.cli import main; main(['--help']); assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("args", [[], ["fti"]])
def test_another_subcommand_is_refused(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(args)
    assert exit_.value.code == 2
    assert "ella train: expected `fit`, `cache` or `compare`, got" in capsys.readouterr().err
