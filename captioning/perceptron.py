"""NLTK's averaged perceptron tagger laid out as arrays: the same weights, added in the same order, by compiled code.

A tag is the one with the largest sum of weights over 14 features of a token and its neighbours; of equal sums, the
last in the alphabet. The sums here are of the same 64-bit floats in NLTK's own order, so they are equal to its sums
bit for bit, and no two tags can be told apart differently: there is nothing to fall back from.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

_START = ("-START-", "-START2-")
_END = ("-END-", "-END2-")
_MAX_FORMS = 500_000
"""Different tokens remembered; with more, all are forgotten, and memory stays bounded."""

_OF_A_TOKEN = ("i suffix", "i pref1")
_OF_A_PLACE = ("i word", "i-1 word", "i-1 suffix", "i-2 word", "i+1 word", "i+1 suffix", "i+2 word")
_OF_TAGS = ("bias", "i-1 tag", "i-2 tag", "i tag+i-2 tag", "i-1 tag+i word")
_NO_FEATURE = 0  # the row of weights of a feature that the model never saw: it is empty

Array = npt.NDArray[Any]


class ArrayTagger:
    """Tags as `nltk.tag.perceptron.PerceptronTagger.tag` does, many texts at a time.

    Args:
        nltk_tagger: the loaded tagger whose weights these are.

    Raises:
        ValueError: the model has features that this layout does not know.
    """

    def __init__(self, nltk_tagger: Any) -> None:
        self._normalize = nltk_tagger.normalize
        self.tags = sorted(nltk_tagger.classes)
        self._tag_ids = {tag: index for index, tag in enumerate([*self.tags, *_START])}
        self._dictionary: dict[str, str] = nltk_tagger.tagdict
        self._lay_out(nltk_tagger.model.weights)
        self._forget()

    def tag(self, texts: Sequence[Sequence[str]]) -> list[list[str]]:
        """The tag of each token of each text."""
        flat = list(map(self._forms.__getitem__, chain.from_iterable(texts)))
        offsets = np.fromiter(chain([0], map(len, texts)), dtype=np.int64).cumsum()
        found = _kernel()(
            np.array(flat, dtype=np.int64),
            offsets,
            self._forms.rows(),
            self._rows_of_pairs,
            self._rows_of_tags,
            self._starts,
            self._labels,
            self._weights,
            len(self.tags),
        )
        names = list(map(self.tags.__getitem__, found.tolist()))
        if len(self._forms) > _MAX_FORMS:
            self._forget()
        return [names[start:stop] for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]

    def _forget(self) -> None:
        self._forms = _Forms(self._row_of_form)
        for context in (*_START, *_END):  # the first four, by which the kernel finds them
            self._forms.add(context, self._row_of_context(context, context))

    def _lay_out(self, weights: dict[str, dict[str, float]]) -> None:
        """Number the features, and write their weights one row after another: (F + 1) starts, labels, weights."""
        self._rows: dict[str, int] = {feature: row for row, feature in enumerate(weights, start=1)}
        lengths = [0, 0, *map(len, weights.values())]  # row 0 is that of no feature
        self._starts = np.cumsum(lengths, dtype=np.int64)
        self._labels = np.array([self._tag_ids[tag] for row in weights.values() for tag in row], dtype=np.int64)
        self._weights = np.array([weight for row in weights.values() for weight in row.values()], dtype=np.float64)
        by_name: defaultdict[str, dict[str, int]] = defaultdict(dict)
        names = sorted((*_OF_A_TOKEN, *_OF_A_PLACE, *_OF_TAGS), key=len, reverse=True)
        for feature, row in self._rows.items():
            name = next((name for name in names if feature == name or feature.startswith(f"{name} ")), None)
            if name is None:
                raise ValueError(f"the tagger has the feature {feature!r}: expected those of NLTK 3.10; install that")
            by_name[name][feature[len(name) + 1 :]] = row
        self._rows_of_tags = self._table_of_tags(by_name)  # (T + 2, T + 2 + 3)
        self._pair_of_word: dict[str, int] = {}
        self._rows_of_pairs = self._table_of_pairs(by_name["i-1 tag+i word"])  # (words + 1, T + 2)

    def _table_of_tags(self, by_name: dict[str, dict[str, int]]) -> Array:
        """For each tag before, the rows of `bias`, `i-1 tag`, `i-2 tag`, and with each tag before that."""
        table = np.zeros((len(self._tag_ids), len(self._tag_ids) + 3), dtype=np.int64)
        for tag, index in self._tag_ids.items():
            table[index, 0] = self._rows.get("bias", _NO_FEATURE)
            table[index, 1] = by_name["i-1 tag"].get(tag, _NO_FEATURE)
            table[index, 2] = by_name["i-2 tag"].get(tag, _NO_FEATURE)
            for before, column in self._tag_ids.items():
                table[index, 3 + column] = by_name["i tag+i-2 tag"].get(f"{tag} {before}", _NO_FEATURE)
        return table

    def _table_of_pairs(self, pairs: dict[str, int]) -> Array:
        """For each word, the row of it with each tag before; word 0 is one that has none."""
        rows = [np.zeros(len(self._tag_ids), dtype=np.int64)]
        for pair, row in pairs.items():
            tag, _, word = pair.partition(" ")
            if word not in self._pair_of_word:
                self._pair_of_word[word] = len(rows)
                rows.append(np.zeros(len(self._tag_ids), dtype=np.int64))
            rows[self._pair_of_word[word]][self._tag_ids[tag]] = row
        return np.stack(rows)

    def _row_of_form(self, token: str) -> list[int]:
        return self._row_of_context(token, self._normalize(token))

    def _row_of_context(self, token: str, word: str) -> list[int]:
        """What the kernel wants to know of a token: its tag if it has but one, and the rows of its features."""
        values = (word, word, word[-3:], word, word, word[-3:], word)
        places = [f"{name} {value}" for name, value in zip(_OF_A_PLACE, values, strict=True)]
        return [
            self._tag_ids.get(self._dictionary.get(token, ""), -1),
            self._pair_of_word.get(word, 0),
            *(self._rows.get(name, _NO_FEATURE) for name in (f"i suffix {token[-3:]}", f"i pref1 {token[:1]}")),
            *(self._rows.get(name, _NO_FEATURE) for name in places),
        ]


class _Forms(dict[str, int]):
    """Numbers tokens as they come, and keeps a row of integers for each."""

    def __init__(self, row_of: Any) -> None:
        super().__init__()
        self._row_of = row_of
        self._table = np.zeros((1024, 2 + len(_OF_A_TOKEN) + len(_OF_A_PLACE)), dtype=np.int64)

    def __missing__(self, token: str) -> int:
        return self.add(token, self._row_of(token))

    def add(self, token: str, row: list[int]) -> int:
        number = len(self)
        if number == len(self._table):
            self._table = np.concatenate([self._table, np.zeros_like(self._table)])
        self._table[number] = row
        self[token] = number
        return number

    def rows(self) -> Array:
        return self._table


@cache
def _kernel() -> Any:
    """The compiled loop; kept on disk where numba finds a folder to write to."""
    from numba import njit

    try:
        return njit(cache=True)(_tag)
    except RuntimeError:  # neither the source's folder nor the user's can be written to
        return njit(_tag)


def _tag(
    tokens: Array,
    offsets: Array,
    forms: Array,
    rows_of_pairs: Array,
    rows_of_tags: Array,
    starts: Array,
    labels: Array,
    weights: Array,
    tags: int,
) -> Array:
    """The index of each token's tag, greedily from left to right within each text.

    Args:
        tokens: (N,) the form of each token.
        offsets: (texts + 1,) where each text starts.
        forms: (forms, 11) see `ArrayTagger._row_of_context`; 0 to 3 are the contexts before and after a text.
        rows_of_pairs: (words + 1, T + 2) the feature of each word with each tag before it.
        rows_of_tags: (T + 2, T + 2 + 3) the features of each tag before.
        starts: (features + 2,) where each feature's weights start.
        labels: (W,) the tag of each weight.
        weights: (W,).
        tags: how many there are, T.
    """
    found = np.empty(len(tokens), dtype=np.int64)
    scores = np.empty(tags, dtype=np.float64)
    rows = np.empty(14, dtype=np.int64)
    for text in range(len(offsets) - 1):
        first, last = offsets[text], offsets[text + 1]
        previous, second = tags, tags + 1  # -START-, -START2-
        for place in range(first, last):
            form = forms[tokens[place]]
            best = form[0]
            if best < 0:
                before = forms[tokens[place - 1]] if place > first else forms[1]
                # Before a text stand -START- and -START2-, in this order.
                second_before = tokens[place - 2] if place > first + 1 else place - first
                after = forms[tokens[place + 1]] if place + 1 < last else forms[2]
                second_after = tokens[place + 2] if place + 2 < last else place + 4 - last
                # In the order in which NLTK adds them up.
                rows[0] = rows_of_tags[previous, 0]
                rows[1] = form[2]
                rows[2] = form[3]
                rows[3] = rows_of_tags[previous, 1]
                rows[4] = rows_of_tags[second, 2]
                rows[5] = rows_of_tags[previous, 3 + second]
                rows[6] = form[4]
                rows[7] = rows_of_pairs[form[1], previous]
                rows[8] = before[5]
                rows[9] = before[6]
                rows[10] = forms[second_before][7]
                rows[11] = after[8]
                rows[12] = after[9]
                rows[13] = forms[second_after][10]
                scores[:] = 0.0
                for row in rows:
                    for entry in range(starts[row], starts[row + 1]):
                        scores[labels[entry]] += weights[entry]
                best = 0
                for tag in range(1, tags):
                    if scores[tag] >= scores[best]:
                        best = tag
            found[place] = best
            second, previous = previous, best
    return found
