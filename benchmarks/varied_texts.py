"""Endless texts that look like captions, and like alt-texts: odd marks, entities, numbers, broken words."""

import random
from collections.abc import Iterator, Sequence

PLAIN_WORDS = """
    a an the this that some every two red wooden old blurred quickly very not behind above under beside with and or but
    while which who stands standing sat sitting looks looked looking is was has been painted hangs holds left light
    lights back well close clear round like more most man men woman cat cats dog street houses glass leaves paint water
    play plays run runs set sets shot shots cut building buildings evening morning it they her his its
"""

_ODD_WORDS = r"""
    don't they're dog's cats' 'tis 'twas cannot can't gonna wanna gotta gimme lemme d'ye more'n o'clock 'em rock'n'roll
    "quoted" 'single' `tick` ``two'' “curly” ‘bent’ «far» (paren [square] {brace} <angle> e.g. i.e. mr. u.s. p.m. etc.
    3.14 1,234 2019 1999-2005 7 10:30 50% $20 £5 no.1 #tag @name http://a.example/b?c=d&e=f www.site.example file_a.jpg
    well-known state-of-the-art -dash- -- — … ... !!! ?! ; : , & * / \ | ~ ^ _ = + &amp; &lt;b&gt; &amp;amp; &#39;
    &nbsp; café naïve Ångström 北京 日本語 😀 👩‍👩‍👧 ﬁne Ã© â€™ ²³ Ⅷ ª Σίσυφος İstanbul ſtone <start_of_text>
    <end_of_text>
"""
_MARKS = (",", ",", ",", ".", ".", ".", ";", ":", "!", "?", "...", ")", '"', "'", "'s", "”", ",,", ".”", '."', "--")


def varied_texts(words: Sequence[str], *, seed: int) -> Iterator[str]:
    """Endless texts of one to 120 tokens or so, the same for the same seed.

    Args:
        words: what they are mostly made of; the first are the most frequent.
        seed: of the random numbers.
    """
    numbers = random.Random(seed)
    while True:
        length = numbers.choice((3, 8, 12, 25, 60, 90))
        oddness = numbers.choice((0.0, 0.0, 0.02, 0.2))
        pieces = [_piece(words, numbers, oddness) for _ in range(numbers.randint(1, length))]
        text = " ".join(pieces) + numbers.choice((".", ".", "", "!"))
        yield text if numbers.random() < 0.9 else text.replace(" ", numbers.choice(("  ", "\n", "\t", "\xa0")), 3)


def _piece(words: Sequence[str], numbers: random.Random, oddness: float) -> str:
    word = words[int(len(words) * numbers.random() ** 3)]
    if numbers.random() < oddness:
        odd = numbers.choice(_ODD_WORDS.split())
        word = numbers.choice((odd, _broken(word, numbers), f"{word}-{numbers.choice(words)}"))
    if numbers.random() < 0.1:
        word += numbers.choice(_MARKS)
    return word.capitalize() if numbers.random() < 0.1 else word


def _broken(word: str, numbers: random.Random) -> str:
    """`word` with one character changed, doubled or lost, or with its characters in another order."""
    place = numbers.randrange(len(word))
    other = chr(numbers.choice((numbers.randrange(33, 127), numbers.randrange(0xA1, 0x2FFF))))
    changed = word[:place] + numbers.choice((other, "", word[place] * 2)) + word[place + 1 :]
    return numbers.choice((changed, "".join(numbers.sample(word, len(word)))))
