import pytest
from jsonargparse import ArgumentError, ArgumentParser

from curation.config_errors import explain, nearest
from curation.stage import ShardStage


def refused(*args: str) -> str:
    """What is said of a command line with a stage that may be null."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--threshold", type=float, default=1.0)
    parser.add_argument("--stage", type=ShardStage | None, default=None)
    with pytest.raises(ArgumentError) as error:
        parser.parse_args(list(args))
    return explain(str(error.value), parser)


def test_the_nearest_name_is_offered_if_there_is_one() -> None:
    assert nearest("thraeds", ["timeout", "threads"]) == " (did you mean 'threads'?)"
    assert nearest("xyz", ["timeout", "threads"]) == ""


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--treshold", "3"], "did you mean 'threshold'"),
        (["--stage", "curation.selection.Selct"], "did you mean 'Select'"),
        (["--stage=curation.selection.Select", "--stage.min_aestetic=3"], "did you mean 'min_aesthetic'"),
        (["--stage=curation.selection.Select", "--stage.resources.cpsu=3"], "did you mean 'cpus'"),
    ],
)
def test_a_misspelt_name_is_refused_in_one_line_with_the_right_one(args: list[str], expected: str) -> None:
    text = refused(*args)
    assert expected in text
    assert "\n" not in text
    assert "NoneType" not in text


def test_a_value_of_the_wrong_type_is_said_in_one_line() -> None:
    text = refused("--threshold", "high")
    assert "threshold" in text
    assert "high" in text
    assert "\n" not in text
