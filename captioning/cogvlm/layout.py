"""Where everything stands in CogVLM's sequence: BOS, begin of image, patches, end of image, padding, text.

Padding goes between image and text, so that the image has the same slots in every row of a batch and each row's last
token is in the last slot. Attention masks the padding and rotary positions skip it; for the model it is not there.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The slots of a batch of sequences.

    Args:
        patches: image tokens of one image, the two that mark its begin and end not counted.
        padding: (B,) slots of padding before each row's text; None where no row has any.
    """

    patches: int
    padding: Tensor | None = None

    @property
    def image(self) -> slice:
        """The slots of the vision expert: begin of image and patches. End of image goes with the language."""
        return slice(1, self.patches + 2)

    @property
    def prefix(self) -> int:
        """Slots before padding and text: BOS, begin of image, patches, end of image."""
        return self.patches + 3

    def positions(self, start: int, stop: int, device: torch.device) -> Tensor:
        """Rotary positions of slots `start` to `stop`: 0, 1, 2 for all patches, 3, then the text's 4, 5, ...

        Returns:
            (B, stop - start), or (1, stop - start) where all rows have the same. Those of padding mean nothing.
        """
        slots = torch.arange(start, stop, device=device)
        positions = torch.where(slots < self.prefix - 1, slots.clamp(max=2), slots - self.patches + 1).unsqueeze(0)
        if self.padding is None:
            return positions
        return positions - self.padding[:, None] * (slots >= self.prefix)  # (B, stop - start)

    def mask(self, start: int, stop: int, device: torch.device) -> Tensor | None:
        """Which of slots 0 to `stop` each of slots `start` to `stop` attends to: the ones up to itself, no padding.

        Returns:
            (B, 1, stop - start, stop), True where it attends; None where plain causal attention says the same.
        """
        if self.padding is None:
            return None
        queries = torch.arange(start, stop, device=device)[:, None]
        keys = torch.arange(stop, device=device)
        padding = (keys >= self.prefix) & (keys < self.prefix + self.padding[:, None])  # (B, stop)
        return ((keys <= queries) & ~padding[:, None, :])[:, None]
