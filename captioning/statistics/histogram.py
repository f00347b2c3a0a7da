"""A histogram of whole numbers, one a text: its average, standard error and shares are exact, and merge exactly."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping


class Histogram:
    """How many texts have each number of words, say.

    Sums of whole numbers do not depend on their order, so neither does anything derived from them.

    Args:
        numbers: one for each text.
    """

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self.counts = Counter(numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.counts == other.counts

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Histogram.from_json({self.to_json()})"

    @classmethod
    def from_json(cls, value: Mapping[str, int]) -> "Histogram":
        """What `to_json` gave."""
        histogram = cls()
        histogram.counts = Counter({int(number): texts for number, texts in value.items()})
        return histogram

    def to_json(self) -> dict[str, int]:
        """Number to texts, in order."""
        return {str(number): texts for number, texts in sorted(self.counts.items())}

    def update(self, numbers: Iterable[int]) -> None:
        """Add texts, one number each."""
        self.counts.update(numbers)

    def merge(self, other: "Histogram") -> None:
        """Add the texts of `other`."""
        self.counts.update(other.counts)

    @property
    def texts(self) -> int:
        """How many texts there are."""
        return self.counts.total()

    @property
    def total(self) -> int:
        """The sum of their numbers."""
        return sum(number * texts for number, texts in self.counts.items())

    @property
    def mean(self) -> float:
        """The average number; 0 of no texts."""
        return self.total / self.texts if self.counts else 0.0

    @property
    def standard_error(self) -> float | None:
        """The standard error of the average, the texts taken as a sample; None for fewer than two texts."""
        texts, total = self.texts, self.total
        if texts < 2:
            return None
        squares = sum(number * number * count for number, count in self.counts.items())
        # Whole numbers up to the one division, so that nothing cancels.
        return math.sqrt((texts * squares - total * total) / (texts * texts * (texts - 1)))

    def share_above(self, limit: int) -> float:
        """The share of texts whose number is over `limit`; 0 of no texts."""
        above = sum(texts for number, texts in self.counts.items() if number > limit)
        return above / self.texts if self.counts else 0.0
