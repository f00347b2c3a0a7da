"""Where everything stands in CogVLM's sequence: BOS, begin of image, patches, end of image, text, padding.

Padding comes last. No slot attends to what is to its right, so nothing ever has to mask it: rows of a batch may differ
in length while attention stays plainly causal.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The slots of a sequence.

    Args:
        patches: image tokens of one image, the two that mark its begin and end not counted.
    """

    patches: int

    @property
    def image(self) -> slice:
        """The slots of the vision expert: begin of image and patches. End of image goes with the language."""
        return slice(1, self.patches + 2)

    @property
    def prefix(self) -> int:
        """Slots before the text: BOS, begin of image, patches, end of image."""
        return self.patches + 3

    def positions(self, slots: Tensor) -> Tensor:
        """Rotary positions of `slots`: 0, 1, 2 for all patches, 3 for end of image, then the text's 4, 5, ..."""
        # Neither term is right alone, but the greater one always is: the second passes 2 at the end of image.
        return slots.clamp(max=2).maximum(slots - self.patches + 1)
