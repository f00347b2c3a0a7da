"""Where repetition begins."""

import pytest

from captioning.loops import loop_start

LONG = "a man in a long red coat walks by"  # nine words


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("A red red red red car", "A red"),
        ("The sign: Stop, stop. STOP! stop", "The sign: Stop,"),
        ("one two one two one two", "one two"),
        ("at first one two three, one two three, one two three, and", "at first one two three,"),
        (f"There {LONG}, {LONG}", f"There {LONG},"),
        ("x hahahahahahahahahahaha y", "x ha"),
        ("......................", "."),
        ("now 1 2 3 3 3 3 1 2 3", "now 1 2 3"),
    ],
)
def test_the_first_copy_stays_and_what_repeats_it_is_behind(text: str, before: str) -> None:
    start = loop_start(text)
    assert start is not None
    assert text[:start] == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a very very very long train",
        "one two one two",
        "a cat, a dog, a cat, a dog, a bird, a cat",
        "the same seven words in a row the same seven words in a row",  # of seven, twice is not enough
        f"{LONG} and {LONG}",
        "1000000000 hahaha ...",
        "- a - b - c - d",
    ],
)
def test_ordinary_repetition_is_none(text: str) -> None:
    assert loop_start(text) is None
