"""A share over many units: of all that they have, how much is of one kind, with its standard error."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(kw_only=True)
class Ratio:
    """Sums over units (pairs of texts, say) of whole numbers, so that parts merge exactly in any order.

    Args:
        units: how many there are.
        whole: sum over the units, such as the words of each.
        part: sum of those among them that count, such as the words that another text has too.
        whole_squared: sum over the units, like the two that follow.
        part_squared: sum.
        product: sum of whole times part.
    """

    units: int = 0
    whole: int = 0
    part: int = 0
    whole_squared: int = 0
    part_squared: int = 0
    product: int = 0

    @classmethod
    def from_json(cls, value: Mapping[str, int]) -> "Ratio":
        """What `to_json` gave."""
        return cls(**value)

    def to_json(self) -> dict[str, int]:
        """Plain JSON."""
        return asdict(self)

    def add(self, whole: int, part: int) -> None:
        """Add a unit."""
        self.units += 1
        self.whole += whole
        self.part += part
        self.whole_squared += whole * whole
        self.part_squared += part * part
        self.product += whole * part

    def merge(self, other: "Ratio") -> None:
        """Add the sums over other units."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def share(self) -> float | None:
        """The parts as a share of the wholes, over all units together; None where there are none."""
        return self.part / self.whole if self.whole else None

    @property
    def standard_error(self) -> float | None:
        """Of the share, the units taken as a sample (a ratio of two sums, by linearisation); None under two units."""
        if self.units < 2 or not self.whole:
            return None
        # sum((part - share * whole)^2) * whole^2, in whole numbers so that nothing cancels.
        residuals = (
            self.part_squared * self.whole**2
            - 2 * self.product * self.part * self.whole
            + self.whole_squared * self.part**2
        )
        return math.sqrt(residuals * self.units / (self.units - 1)) / self.whole**2
