import pytest

from pipelines.errors import UsageError, refusing


@pytest.mark.parametrize("kind", [ValueError, FileNotFoundError])
def test_what_goes_wrong_while_looking_is_a_usage_error(kind: type[Exception]) -> None:
    with pytest.raises(UsageError, match="no such column"), refusing():
        raise kind("no such column")


def test_a_message_of_many_lines_becomes_one() -> None:
    with pytest.raises(UsageError, match=r"^no model; look elsewhere$"), refusing():
        raise OSError("no model;\n\n  look elsewhere\n")


def test_a_programming_error_is_not_hidden() -> None:
    with pytest.raises(TypeError), refusing():
        raise TypeError
