"""A refused setting is a ValueError, so that callers who know nothing of training can report it."""

import pytest

from training.errors import SettingsError


def test_it_is_caught_as_a_value_error_with_its_message() -> None:
    with pytest.raises(ValueError, match=r"^3 shards for 4 readers$"):
        raise SettingsError("3 shards for 4 readers")
