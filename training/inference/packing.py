"""Everything that a connector needs of a prompt in one tensor, which a pipeline carries like any embedding.

Pipelines repeat, concatenate, split, cast and move their prompt embeddings, each in its own way. Text features, mask
and CLIP embedding that travel in the same tensor stay together whatever happens to it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.batch import TextFeatures

_HIDDEN, _TEXT, _CLIP = 0, 1, 2
"""What a row is, as its last channel says it; small enough to be exact in any precision."""


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """What `Packing.unpack` gives.

    Args:
        text: features (B, L, D) and, where any are hidden, their mask.
        clip: CLIP embeddings (B, K, C), if the prompts have them.
    """

    text: TextFeatures
    clip: Tensor | None


@dataclass(frozen=True, kw_only=True)
class Packing:
    """How prompts are laid out in a tensor (B, K + L, W): CLIP's rows, then the text's, hidden ones among them.

    Args:
        text_width: channels of the text features, D.
        clip_width: channels of the CLIP embedding, C.
    """

    text_width: int
    clip_width: int

    @property
    def width(self) -> int:
        """Channels of a packed row, W: wider than a CLIP embedding, so that none is taken for the other."""
        return max(self.text_width, self.clip_width) + 1

    def pack(self, text: TextFeatures, clip: Tensor | None = None) -> Tensor:
        """One tensor (B, K + L, W) of text features (B, L, D) with their mask, and CLIP embeddings (B, K, C)."""
        rows = self._rows(text.features, _TEXT)  # (B, L, W)
        if text.mask is not None:
            rows[..., -1].masked_fill_(~text.mask, _HIDDEN)
        return rows if clip is None else torch.cat([self._rows(clip, _CLIP).to(rows), rows], dim=1)

    def unpack(self, packed: Tensor) -> Unpacked:
        """What was packed; the mask is None where nothing is hidden."""
        kinds = packed[..., -1]  # (B, K + L)
        clip_rows = int((kinds[0] == _CLIP).sum())
        clip, text = packed[:, :clip_rows, : self.clip_width], packed[:, clip_rows:, : self.text_width]
        mask = kinds[:, clip_rows:] == _TEXT  # (B, L)
        return Unpacked(
            text=TextFeatures(features=text, mask=None if mask.all() else mask),
            clip=clip if clip_rows else None,
        )

    def _rows(self, content: Tensor, kind: int) -> Tensor:
        """`content` (..., D or C) as rows (..., W) that say what they are."""
        rows = functional.pad(content, (0, self.width - content.shape[-1]))
        rows[..., -1] = kind
        return rows
