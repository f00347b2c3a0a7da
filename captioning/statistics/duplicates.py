"""How many captions repeat another, word for word or nearly: over all of them up to a limit, beyond it on a sample.

The sample takes whole groups: texts that are alike are nearly always in the same one (see `minhash`), so what repeats
is seen in it as often as in the whole. Which groups are taken depends on the texts alone, so parts merge into exactly
what one pass gives, in any order.
"""

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from captioning.statistics.distinct import stable_hash
from captioning.statistics.minhash import count_clusters, groups_of, runs_of, signature_of
from captioning.statistics.ratio import Ratio
from captioning.statistics.repeated import RepeatedText, RepeatedTexts

LIMIT = 4_096
"""Different texts kept."""
FREQUENT = 1_000
"""A text that is more than one in so many is counted by itself: a sample that has it, or lacks it, would mislead."""
_HASH = 8

Group = Counter[bytes]
"""How often each text of a group occurs: a hash of its normal form, and its signature."""


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """What share of the texts would go if of each text, or of all that are nearly alike, one were kept.

    Args:
        exact: the same words in the same order; None where there are no texts.
        near: seven tenths of the runs of three words in common, or more, those of `exact` among them; of pairs that
            have eight tenths in common, say, eight in ten are found.
        exact_error: standard error of `exact`; 0 where all texts were compared.
        near_error: standard error of `near`. A sample takes or leaves a group as a whole: a template that thousands of
            different texts follow can be missed, and neither `near` nor its error shows it.
        compared: texts that were compared.
        sampled: whether these are a sample.
        most_frequent: texts that occur more than once, the most frequent first.
    """

    exact: float | None
    near: float | None
    exact_error: float | None
    near_error: float | None
    compared: int
    sampled: bool
    most_frequent: tuple[RepeatedText, ...]


@dataclass(kw_only=True)
class DuplicateSketch:
    """Texts by group, those of the first groups while there is room, and counts of the most frequent texts.

    Args:
        texts: how many there are.
        groups: of texts that may be alike.
        cut: groups from this one on were left out; None where all are there.
        repeated: the most frequent texts.
    """

    texts: int = 0
    groups: dict[int, Group] = field(default_factory=dict)
    cut: int | None = None
    repeated: RepeatedTexts = field(default_factory=RepeatedTexts)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "DuplicateSketch":
        """What `to_json` gave."""
        groups = {
            int(group, 16): Counter({b64decode(text): count for text, count in texts.items()})
            for group, texts in value["groups"].items()
        }
        cut = None if value["cut"] is None else int(value["cut"], 16)
        return cls(texts=value["texts"], groups=groups, cut=cut, repeated=RepeatedTexts.from_json(value["repeated"]))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON in a fixed order, of a bounded size."""
        groups = {
            f"{group:016x}": {b64encode(text).decode(): count for text, count in sorted(texts.items())}
            for group, texts in sorted(self.groups.items())
        }
        cut = None if self.cut is None else f"{self.cut:016x}"
        return {"texts": self.texts, "groups": groups, "cut": cut, "repeated": self.repeated.to_json()}

    def update(self, words: Sequence[Sequence[str]]) -> None:
        """Add texts, as the words of each."""
        self.texts += len(words)
        self.repeated.update(map(" ".join, words))
        runs = runs_of(words)
        for of_text, its_runs, group in zip(words, runs, groups_of(runs), strict=True):
            if self._takes(group):
                text = stable_hash(" ".join(of_text)).to_bytes(_HASH, "big") + signature_of(its_runs)
                self.groups.setdefault(group, Counter())[text] += 1
        self._make_room()

    def merge(self, other: "DuplicateSketch") -> None:
        """Add the texts of `other`."""
        self.texts += other.texts
        self.repeated.merge(other.repeated)
        if other.cut is not None:
            self._leave_out(other.cut)
        for group, texts in other.groups.items():
            if self._takes(group):
                self.groups.setdefault(group, Counter()).update(texts)
        self._make_room()

    def duplicates(self) -> Duplicates:
        """The shares, and the most frequent texts."""
        sampled = self.cut is not None
        frequent = self.repeated.frequent(self.texts // FREQUENT) if sampled else {}
        exact, near = Ratio(), Ratio()
        for group in self.groups.values():
            texts = {text: count for text, count in group.items() if _hash(text) not in frequent}
            total = sum(texts.values())
            exact.add(total, total - len(set(map(_hash, texts))))
            near.add(total, total - count_clusters(sorted({text[_HASH:] for text in texts})))
        return Duplicates(
            exact=self._with_frequent(exact.share, frequent),
            near=self._with_frequent(near.share, frequent),
            exact_error=exact.standard_error if sampled else 0.0,
            near_error=near.standard_error if sampled else 0.0,
            compared=exact.whole + sum(frequent.values()),
            sampled=sampled,
            most_frequent=self.repeated.ranking(),
        )

    def _with_frequent(self, share: float | None, frequent: Mapping[int, int]) -> float | None:
        """The share of all texts, of which `share` are of those that are not frequent."""
        if share is None:
            return None
        known = sum(frequent.values())
        return (known - len(frequent) + share * (self.texts - known)) / self.texts

    def _takes(self, group: int) -> bool:
        return self.cut is None or group < self.cut

    def _make_room(self) -> None:
        if sum(map(len, self.groups.values())) <= LIMIT:
            return
        kept = 0
        for group in sorted(self.groups):
            kept += len(self.groups[group])
            if kept > LIMIT:
                self._leave_out(group)
                return

    def _leave_out(self, cut: int) -> None:
        """Forget the groups from `cut` on."""
        self.cut = cut if self.cut is None else min(cut, self.cut)
        self.groups = {group: texts for group, texts in self.groups.items() if group < self.cut}


def _hash(text: bytes) -> int:
    return int.from_bytes(text[:_HASH], "big")
