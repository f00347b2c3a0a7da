"""Words of a text, and which of them name colours, places in space and numbers."""

import re
from collections import Counter
from collections.abc import Mapping

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+(?:[.,]\d+)*")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


COLOURS = _set(
    "amber aqua aquamarine auburn azure beige black blonde blue bronze brown burgundy cerulean charcoal chartreuse "
    "coral cream crimson cyan ebony emerald fuchsia gold golden gray green grey indigo ivory jade khaki lavender "
    "lilac lime magenta mahogany maroon mauve mustard navy ochre olive orange peach pink plum purple red rose ruby "
    "rust sapphire scarlet sepia sienna silver tan taupe teal turquoise vermilion violet white yellow"
)

SPATIAL_WORDS = _set(
    "above across against along alongside amid among around at atop away back background before behind below beneath "
    "beside between beyond bottom center centre close corner distance edge far foreground front in inside into "
    "left middle near nearby next on onto opposite outside over right side through top toward towards under "
    "underneath upon within"
)

NUMBER_WORDS = _set(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion dozen "
    "dozens hundreds thousands millions pair half"
)


def words_of(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation: runs of letters, and numbers."""
    return _WORD.findall(text.lower())


def by_topic(counts: Mapping[str, int]) -> dict[str, Counter[str]]:
    """Of counted words, the colours, the spatial words and the numbers; what they mean in their place is not asked."""
    topics: dict[str, Counter[str]] = {"colours": Counter(), "spatial_words": Counter(), "numbers": Counter()}
    for word, count in counts.items():
        if word in COLOURS:
            topics["colours"][word] = count
        elif word in SPATIAL_WORDS:
            topics["spatial_words"][word] = count
        elif word in NUMBER_WORDS or word[0].isdecimal():
            topics["numbers"][word] = count
    return topics
