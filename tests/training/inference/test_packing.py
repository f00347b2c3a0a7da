"""Packed prompts come out as they went in, whatever a pipeline did to them in between."""

import pytest
import torch

from training.batch import TextFeatures
from training.inference.packing import Packing

PACKING = Packing(text_width=5, clip_width=3)
FEATURES = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(8))
MASK = torch.tensor([[True, True, True, True], [True, True, False, False]])
TEXT = TextFeatures(features=FEATURES, mask=MASK)
CLIP = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(9))


def test_features_and_mask_come_out_as_they_went_in() -> None:
    packed = PACKING.pack(TEXT)
    assert packed.shape == (2, 4, PACKING.width) == (2, 4, 6)
    unpacked = PACKING.unpack(packed)
    assert unpacked.text.mask is not None
    assert torch.equal(unpacked.text.mask, MASK)
    assert torch.equal(unpacked.text.features, FEATURES)
    assert unpacked.clip is None


@pytest.mark.parametrize("mask", [None, torch.ones(2, 4, dtype=torch.bool)])
def test_where_nothing_is_hidden_there_is_no_mask(mask: torch.Tensor | None) -> None:
    assert PACKING.unpack(PACKING.pack(TextFeatures(features=FEATURES, mask=mask))).text.mask is None


@pytest.mark.parametrize("packing", [PACKING, Packing(text_width=5, clip_width=7)])
def test_clip_embeddings_travel_along(packing: Packing) -> None:
    clip = torch.randn(2, 6, packing.clip_width)
    unpacked = packing.unpack(packing.pack(TEXT, clip))
    assert unpacked.clip is not None
    assert torch.equal(unpacked.clip, clip)
    assert torch.equal(unpacked.text.features, FEATURES)
    assert packing.width > packing.clip_width


def test_what_a_pipeline_does_to_embeddings_keeps_them_together() -> None:
    positive, negative = PACKING.pack(TEXT, CLIP), PACKING.pack(TextFeatures(features=FEATURES.flip(0)), CLIP.flip(0))
    batch = torch.cat([negative, positive]).repeat(1, 2, 1).view(8, positive.shape[1], -1).to(torch.bfloat16)
    unpacked = PACKING.unpack(batch)
    assert unpacked.clip is not None
    assert unpacked.text.mask is not None
    assert unpacked.text.mask.sum(dim=1).tolist() == [4, 4, 4, 4, 4, 4, 2, 2]
    for place, row in enumerate([1, 1, 0, 0, 0, 0, 1, 1]):
        assert torch.equal(unpacked.text.features[place], FEATURES[row].bfloat16())
        assert torch.equal(unpacked.clip[place], CLIP[row].bfloat16())


def test_packing_leaves_what_it_packs_alone() -> None:
    before = FEATURES.clone(), MASK.clone(), CLIP.clone()
    PACKING.pack(TEXT, CLIP)
    assert all(torch.equal(one, other) for one, other in zip(before, (FEATURES, MASK, CLIP), strict=True))
