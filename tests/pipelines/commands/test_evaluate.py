import pytest

from pipelines.cli import main
from pipelines.commands.evaluate import COMMANDS


def test_help_lists_what_can_be_evaluated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--help"]) == 0
    shown = capsys.readouterr().out
    for name, (_, line) in COMMANDS.items():
        assert name in shown
        assert line in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_everything_that_is_listed_has_help_with_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", name, "--help"])
    assert f"  ella evaluate {name} " in capsys.readouterr().out.partition("examples:")[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([], "expected one of dpg"), (["dgp"], "'dgp' (did you mean 'dpg'?)"), (["zzz"], "there are dpg")],
)
def test_what_cannot_be_evaluated_is_a_usage_error(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
