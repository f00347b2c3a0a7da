"""Finds rows that say the same thing over and over, while they are written and without leaving the device."""

import torch
from torch import Tensor

PERIODS = 48
"""Tokens of the longest passage whose repetition is noticed: a long sentence."""

TIMES = 3
"""How often a passage stands in a row before it counts as a loop."""

LEAST = 12
"""Tokens that have to be repeated, so that a word may be said three times."""


class Repetition:
    """Watches the tokens of a batch go by.

    A text repeats itself with period p as long as every token equals the one p before it. For each row and each p
    this counts how long that has been so.

    Args:
        batch: rows.
        device: where their tokens are.
    """

    def __init__(self, batch: int, device: torch.device) -> None:
        self._recent = torch.full((batch, PERIODS), -1, device=device)  # latest first; no token is -1
        self._repeated = torch.zeros_like(self._recent)
        periods = torch.arange(1, PERIODS + 1, device=device)
        self._limits = ((TIMES - 1) * periods).clamp(min=LEAST)

    def forget(self, rows: Tensor) -> None:
        """Begin anew in `rows` (R,)."""
        self._recent[rows] = -1
        self._repeated[rows] = 0

    def update(self, tokens: Tensor) -> Tensor:
        """Take each row's next token (B,); returns which rows are in a loop (B,)."""
        same = self._recent == tokens[:, None]  # (B, periods)
        self._repeated.copy_((self._repeated + 1) * same)
        self._recent.copy_(torch.cat([tokens[:, None], self._recent[:, :-1]], dim=1))
        return (self._repeated >= self._limits).any(dim=1)
