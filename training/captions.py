"""Which of a sample's captions training reads: drawn by weight, and by the sample's name alone."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from training.errors import SettingsError

CAPTION = "caption"
"""The name of what stands in a sample's `.txt`: the caption that the merge chose."""


@dataclass(frozen=True, kw_only=True)
class CaptionMixture:
    """Several kinds of captions with their weights.

    A sample without one of them shares its weight among those that it has; with none of them it has its `caption`.

    Args:
        weights: name to weight. `caption` is what the merge chose; every other name is a text in the sample's `.json`,
            such as `alt_text`, which for JourneyDB is the prompt the image was made from.

    Raises:
        SettingsError: a weight is negative or not finite, or all are 0.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: {CAPTION: 1.0})

    def __post_init__(self) -> None:
        weights = self.weights.values()
        if not (all(weight >= 0 for weight in weights) and 0 < sum(weights) < math.inf):
            raise SettingsError(f"captions={dict(self.weights)}: expected weights of 0 or more, and not all 0")

    @property
    def needs_json(self) -> bool:
        """Whether a sample's `.json` has to be read."""
        return any(weight and name != CAPTION for name, weight in self.weights.items())

    def choose(self, sample_id: str, texts: Mapping[str, object]) -> str:
        """One of `texts`, for this sample always the same one.

        Args:
            sample_id: whose captions these are.
            texts: name to text, `caption` among them; what is no text, or empty, does not count.
        """
        there = {
            name: weight
            for name, weight in sorted(self.weights.items())
            if weight and isinstance(texts.get(name), str) and texts[name]
        }
        place = _share(f"caption {sample_id}") * sum(there.values())
        for name, weight in there.items():
            place -= weight
            if place < 0:
                return str(texts[name])
        return str(texts[next(reversed(there), CAPTION)])


def _share(name: str) -> float:
    """A number in [0, 1) that `name` decides."""
    return (int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") >> 11) * 2.0**-53
