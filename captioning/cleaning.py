"""From what a model wrote to a caption: small rules with names, each of which can be left out.

A rule only ever takes text away, and the rules run until none of them finds anything more: cleaning what is clean
changes nothing. What cannot be mended is a fault, by which the caption is asked for again or dropped.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from captioning.captioner import FinishReason
from captioning.loops import loop_start
from captioning.phrases import BUT, FILLER, FILLER_CLAUSE, NEGATIONS, PREFIXES
from captioning.sentences import is_whole, one_line, sentences, whole_sentences
from curation.reasons import Reason

Rule = Literal["prefix", "negation", "filler", "loop", "unfinished", "too_long"]
"""`prefix`: "The image shows" goes. `negation`: sentences about what is not there go. `filler`: moods go. `loop`: the
text ends where it begins to repeat itself. `unfinished`: a text that was cut off ends with its last whole sentence.
`too_long`: whole sentences beyond the most words go."""

RULES: tuple[Rule, ...] = get_args(Rule)


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """What cleaning made of a text.

    Args:
        text: the caption on one line; None where nothing usable is left.
        rules: those that changed it.
        faults: what is wrong with it. A text may have faults and be usable: what came before a loop.
    """

    text: str | None
    rules: tuple[Rule, ...] = ()
    faults: tuple[Reason, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """Which rules apply to a caption, and how long it may be.

    Args:
        skip: rules that are left out.
        min_words: a caption with fewer has a fault and is dropped.
        max_words: whole sentences beyond are cut; a first sentence with more has a fault and is dropped.

    Raises:
        ValueError: no length can satisfy the bounds.
    """

    skip: tuple[Rule, ...] = ()
    min_words: int = 5
    max_words: int = 160

    def __post_init__(self) -> None:
        if not 0 <= self.min_words <= self.max_words:
            raise ValueError(
                f"min_words={self.min_words}, max_words={self.max_words}: expected 0 <= min_words <= max_words"
            )

    def clean(self, text: str | None, finish_reason: FinishReason = "stop") -> Cleaned:
        """Apply the rules to a text that ended as `finish_reason` says."""
        if finish_reason == "refused":
            return Cleaned(text=None, faults=(Reason.CAPTION_REFUSED,))
        caption = one_line(text)
        if caption is None:
            return Cleaned(text=None, faults=(Reason.EMPTY_CAPTION,))
        ended = finish_reason == "stop"
        caption, applied = self._apply(caption, ended)
        looped = "loop" not in self.skip and (finish_reason == "loop" or "loop" in applied)
        faults = (*([Reason.CAPTION_LOOP] if looped else []), *self._faults(caption, ended))
        usable = not set(faults) - {Reason.CAPTION_LOOP}
        return Cleaned(text=caption if usable else None, rules=applied, faults=faults)

    def _apply(self, text: str, ended: bool) -> tuple[str, tuple[Rule, ...]]:
        rules: Mapping[Rule, Callable[[str], str]] = {
            "loop": without_loop,
            "unfinished": (lambda text: text) if ended else cut_to_whole_sentences,
            "negation": without_negations,
            "filler": without_filler,
            "prefix": without_prefix,
            "too_long": lambda text: within_words(text, self.max_words),
        }
        applied: list[Rule] = []
        before = None
        while before != text:
            before = text
            for name, rule in rules.items():
                if name in self.skip or (changed := rule(text)) == text:
                    continue
                text = changed
                applied.append(name)
        return text, tuple(name for name in RULES if name in applied)

    def _faults(self, text: str, ended: bool) -> list[Reason]:
        if not text:
            return [Reason.EMPTY_CAPTION]
        words = len(text.split())
        found = {
            Reason.CAPTION_UNFINISHED: not ended
            and "unfinished" not in self.skip
            and not is_whole(sentences(text)[-1]),
            Reason.CAPTION_TOO_SHORT: words < self.min_words,
            Reason.CAPTION_TOO_LONG: words > self.max_words and "too_long" not in self.skip,
        }
        return [reason for reason, is_so in found.items() if is_so]


def without_prefix(text: str) -> str:
    """Take away an opening such as "The image shows"; what follows begins with a capital."""
    for prefix in PREFIXES:
        found = prefix.match(text)
        if found and found.end() < len(text):
            return _capitalised(text[found.end() :].lstrip())
    return text


def without_negations(text: str) -> str:
    """Take away sentences about what is not in the picture, but not those that go on to what is."""
    return _without(text, lambda sentence: _matches(NEGATIONS, sentence) and not BUT.search(sentence))


def without_filler(text: str) -> str:
    """Take away sentences about the mood of the picture, and clauses about it at a sentence's end."""
    kept = _without(text, lambda sentence: _matches(FILLER, sentence))
    return " ".join(FILLER_CLAUSE.sub("", sentence) for sentence in sentences(kept))


def without_loop(text: str) -> str:
    """Cut where the text begins to repeat itself, back to a whole sentence; take away sentences that came before."""
    start = loop_start(text)
    if start is not None:
        return whole_sentences(text[:start].rstrip())
    seen = set[str]()
    return _without(text, lambda sentence: _came_before(sentence, seen))


def cut_to_whole_sentences(text: str) -> str:
    """Take away a last sentence that does not come to its end, if there are others."""
    return whole_sentences(text) or text


def within_words(text: str, limit: int) -> str:
    """Take away sentences from the end until there are no more than `limit` words, or one sentence."""
    kept = sentences(text)
    while len(kept) > 1 and sum(len(sentence.split()) for sentence in kept) > limit:
        kept.pop()
    return " ".join(kept)


_SHORT_SENTENCE = 4
"""Words up to which a sentence may come twice: "It is red."."""


def _came_before(sentence: str, seen: set[str]) -> bool:
    bare = re.sub(r"\W+", " ", sentence).strip().lower()
    known = bare in seen
    seen.add(bare)
    return known and len(bare.split()) > _SHORT_SENTENCE


def _without(text: str, unwanted: Callable[[str], object]) -> str:
    return " ".join(sentence for sentence in sentences(text) if not unwanted(sentence))


def _matches(patterns: Sequence[re.Pattern[str]], sentence: str) -> bool:
    return any(pattern.match(sentence) for pattern in patterns)


def _capitalised(text: str) -> str:
    first = text[:1].upper()
    return first + text[1:] if len(first) == 1 else text
