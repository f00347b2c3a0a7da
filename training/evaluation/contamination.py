"""Which prompts of a benchmark a training set has seen: long runs of the same words, or captions that are nearly them.

A model is better at what it was trained on, so a score over such prompts says less. Matching long n-grams is what
Brown et al. ("Language Models are Few-Shot Learners", 2020, appendix C) did to find what a test shares with training.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

SHINGLE = 3
"""Words of the pieces by which near-duplicates are found."""
LEAST_WORDS = 4
"""Shorter prompts share their words with half the world; of them only whole captions count."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True, order=True)
class Shared:
    """A caption that has a run of a prompt's words. The least one is the example.

    Args:
        sample_id: whose caption.
        words: the first run that they share.
    """

    sample_id: str
    words: str


@dataclass(frozen=True, kw_only=True, order=True)
class Near:
    """A caption that is nearly a prompt. The least one is the example.

    Args:
        distance: 1 less the share of the pieces of both that both have (Jaccard), 0 for the same words.
        sample_id: whose caption.
        caption: the caption.
    """

    distance: float
    sample_id: str
    caption: str


Example = TypeVar("Example", Shared, Near)


@dataclass(kw_only=True)
class Seen:
    """What a training set has of one prompt.

    Args:
        shared: captions that share a run of words.
        near: captions that are nearly the prompt.
        shared_example: one of the first.
        near_example: the nearest of the second.
    """

    shared: int = 0
    near: int = 0
    shared_example: Shared | None = None
    near_example: Near | None = None

    def add(self, other: "Seen") -> None:
        """Add what another part of the training set has."""
        self.shared += other.shared
        self.near += other.near
        self.shared_example = _least(self.shared_example, other.shared_example)
        self.near_example = _least(self.near_example, other.near_example)


def _least(one: Example | None, other: Example | None) -> Example | None:
    found = [example for example in (one, other) if example is not None]
    return min(found) if found else None


Contamination = Mapping[int, Seen]
"""By the number of the prompt; a prompt that was not seen is not in it."""


@dataclass(frozen=True, kw_only=True)
class PromptIndex:
    """A benchmark's prompts, ready to be compared with any number of captions.

    Args:
        prompts: the prompts.
        run: words in a row that count as shared; a shorter prompt counts where all of it stands in a caption.
        nearness: share of common pieces from which a caption is nearly a prompt, over 0 to 1.

    Raises:
        ValueError: a number is out of range.
    """

    prompts: Sequence[str]
    run: int = 8
    nearness: float = 0.7
    _runs: Mapping[int, Mapping[str, list[int]]] = field(init=False, repr=False)
    _pieces: Mapping[str, list[int]] = field(init=False, repr=False)
    _sizes: Sequence[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.run < LEAST_WORDS:
            raise ValueError(f"a run of {self.run} words: expected {LEAST_WORDS} or more")
        if not 0 < self.nearness <= 1:
            raise ValueError(f"nearness is {self.nearness}: expected over 0, and 1 at most")
        runs: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        pieces: dict[str, list[int]] = defaultdict(list)
        sizes = []
        for number, prompt in enumerate(self.prompts):
            words = _words(prompt)
            length = min(self.run, len(words))
            if length >= LEAST_WORDS:
                for shared in dict.fromkeys(_runs(words, length)):
                    runs[length][shared].append(number)
            own = set(_shingles(words))
            sizes.append(len(own))
            for piece in own:
                pieces[piece].append(number)
        object.__setattr__(self, "_runs", {length: dict(by_words) for length, by_words in runs.items()})
        object.__setattr__(self, "_pieces", dict(pieces))
        object.__setattr__(self, "_sizes", sizes)

    def search(self, captions: Iterable[tuple[str, str]]) -> Contamination:
        """What `captions`, pairs of sample_id and text, have of the prompts. Parts add up in any order."""
        seen: dict[int, Seen] = defaultdict(Seen)
        for sample_id, caption in captions:
            words = _words(caption)
            for number, shared in self._shared(words).items():
                seen[number].add(Seen(shared=1, shared_example=Shared(sample_id=sample_id, words=shared)))
            for number, distance in self._near(words):
                near = Near(distance=distance, sample_id=sample_id, caption=caption)
                seen[number].add(Seen(near=1, near_example=near))
        return dict(seen)

    def _shared(self, words: Sequence[str]) -> dict[int, str]:
        """The prompts that have a run of words in common with a caption, and the first such run."""
        found: dict[int, str] = {}
        for length, by_words in self._runs.items():
            for shared in _runs(words, length):
                for number in by_words.get(shared, ()):
                    found.setdefault(number, shared)
        return found

    def _near(self, words: Sequence[str]) -> Iterator[tuple[int, float]]:
        """The prompts that a caption nearly is, and how far it is from them."""
        own = set(_shingles(words))
        common = Counter(number for piece in own for number in self._pieces.get(piece, ()))
        for number, count in common.items():
            similarity = count / (len(own) + self._sizes[number] - count)
            if similarity >= self.nearness:
                yield number, 1 - similarity


def merge(parts: Iterable[Contamination]) -> Contamination:
    """What several parts of a training set have together, by prompt in order."""
    total: dict[int, Seen] = defaultdict(Seen)
    for part in parts:
        for number, seen in part.items():
            total[number].add(seen)
    return dict(sorted(total.items()))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _runs(words: Sequence[str], length: int) -> Iterator[str]:
    return (" ".join(words[start : start + length]) for start in range(len(words) - length + 1))


def _shingles(words: Sequence[str]) -> Iterator[str]:
    """Pieces of `SHINGLE` words, or all that there are."""
    return _runs(words, min(SHINGLE, len(words)) or 1)
