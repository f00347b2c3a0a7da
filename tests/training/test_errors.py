"""What is refused is a ValueError, so that callers who know nothing of training can report it."""

import pytest

from training.errors import DataError, SettingsError


def test_it_is_caught_as_a_value_error_with_its_message() -> None:
    with pytest.raises(ValueError, match=r"^3 shards for 4 readers$"):
        raise SettingsError("3 shards for 4 readers")


@pytest.mark.parametrize("kind", [DataError, SettingsError])
def test_a_workers_traceback_is_left_out_of_a_message(kind: type[ValueError]) -> None:
    assert str(kind("x.tar: broken: really")) == "x.tar: broken: really"
    sent = f"Caught it in worker 0.\nOriginal Traceback:\n  ...\ntraining.errors.{kind.__name__}: x.tar: really\n"
    assert str(kind(sent)) == "x.tar: really"
