"""A batch with some captions replaced by the empty one, as texts and as cached features."""

import torch
from torch import Tensor
from torch.nn import functional

from training.batch import Batch, TextFeatures


def drop_captions(batch: Batch, dropped: Tensor) -> Batch:
    """`batch` with the empty caption where `dropped`, (B,), is true, in whatever form its captions are."""
    changed: Batch = {**batch}
    if "captions" in batch:
        pairs = zip(batch["captions"], dropped.tolist(), strict=True)
        changed["captions"] = ["" if drop else caption for caption, drop in pairs]
    if "text" in batch:
        changed["text"] = drop_features(batch["text"], batch["empty_text"], dropped)
    return changed


def drop_features(text: TextFeatures, empty: TextFeatures, dropped: Tensor) -> TextFeatures:
    """`text` with `empty`, the features of the empty caption, (1, L', D), where `dropped`, (B,), is true.

    Where the two have other lengths, the shorter is padded, and a mask keeps the padding out of sight.
    """
    length = max(text.features.shape[1], empty.features.shape[1])
    features = torch.where(
        dropped[:, None, None], _lengthened(empty.features, length), _lengthened(text.features, length)
    )
    if text.mask is None and empty.mask is None and text.features.shape[1] == empty.features.shape[1]:
        return TextFeatures(features=features)
    return TextFeatures(
        features=features, mask=torch.where(dropped[:, None], _mask(empty, length), _mask(text, length))
    )


def _lengthened(features: Tensor, length: int) -> Tensor:
    return functional.pad(features, (0, 0, 0, length - features.shape[1]))  # (B, length, D)


def _mask(text: TextFeatures, length: int) -> Tensor:
    mask = text.features.new_ones(text.features.shape[:2], dtype=torch.bool) if text.mask is None else text.mask
    return functional.pad(mask, (0, length - mask.shape[1]), value=False)  # (B, length)
