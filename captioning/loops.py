"""Where a text begins to repeat itself, as language models do once they have lost the thread."""

import re

_MANY, _SEVERAL, _TWICE = 4, 3, 2
_LONG_UNIT = 8
"""Words from which a unit that comes twice in a row is a loop; shorter ones have to come more often."""
_MAX_UNIT = 60
_CHARACTERS = re.compile(r"(\S{1,20}?)\1{9,}")
_NOT_LETTERS = re.compile(r"\W+")


def loop_start(text: str) -> int | None:
    """How many characters of `text`, which is on one line, stand before its first repetition; None where it has none.

    A repetition is one word four times in a row ("red red red red"), two to seven words three times, eight words or
    more twice, or up to twenty characters within a word ten times; case and punctuation don't count between words.
    What came first stays: only what repeats it lies beyond the count.
    """
    starts = [start for start in (_word_loop(text.split()), _character_loop(text)) if start is not None]
    return min(starts, default=None)


def _word_loop(words: list[str]) -> int | None:
    bare = [_NOT_LETTERS.sub("", word).lower() or word for word in words]
    ends = [end for size in range(1, min(_MAX_UNIT, len(bare) // 2) + 1) if (end := _first_unit_end(bare, size))]
    return len(" ".join(words[: min(ends)])) if ends else None


def _first_unit_end(words: list[str], size: int) -> int | None:
    """The end of the first unit of `size` words that comes often enough in a row, in words."""
    times = _MANY if size == 1 else _SEVERAL if size < _LONG_UNIT else _TWICE
    run = 0
    for index in range(size, len(words)):
        run = run + 1 if words[index] == words[index - size] else 0
        if run == size * (times - 1):
            return index + 1 - run
    return None


def _character_loop(text: str) -> int | None:
    found = _CHARACTERS.search(text)
    return found.end(1) if found else None
