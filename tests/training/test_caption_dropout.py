"""Dropped captions: the empty text, or its features, whichever the batch has."""

import torch
from torch import Tensor

from tests.training import tiny
from training.batch import TextFeatures
from training.caption_dropout import drop_captions, drop_features

DROPPED = torch.tensor([False, True, False])


def features(pairs: int, length: int) -> Tensor:
    return torch.randn(pairs, length, 4, generator=torch.Generator().manual_seed(length))


def test_texts_become_empty_and_nothing_else_changes() -> None:
    batch = tiny.batch(3)
    changed = drop_captions(batch, DROPPED)
    assert changed["captions"] == [batch["captions"][0], "", batch["captions"][2]]
    assert batch["captions"][1] != ""
    assert {**changed, "captions": 0} == {**batch, "captions": 0}


def test_cached_features_become_those_of_the_empty_caption() -> None:
    batch = tiny.batch(3)
    text, empty = TextFeatures(features=features(3, 5)), TextFeatures(features=features(1, 5) + 1)
    changed = drop_captions({**batch, "text": text, "empty_text": empty}, DROPPED)
    assert changed["captions"][1] == ""
    assert torch.equal(changed["text"].features[DROPPED], empty.features)
    assert torch.equal(changed["text"].features[~DROPPED], text.features[~DROPPED])
    assert changed["text"].mask is None


def test_a_shorter_empty_caption_is_padded_out_of_sight() -> None:
    text, empty = TextFeatures(features=features(3, 5)), TextFeatures(features=features(1, 2))
    changed = drop_features(text, empty, DROPPED)
    assert changed.features.shape == (3, 5, 4)
    assert torch.equal(changed.features[1, :2], empty.features[0])
    assert changed.mask is not None
    assert changed.mask.tolist() == [[True] * 5, [True, True, False, False, False], [True] * 5]


def test_a_longer_empty_caption_lengthens_the_rest_out_of_sight() -> None:
    mask = torch.tensor([[True, True], [True, False], [True, False]])
    empty = TextFeatures(features=features(1, 3))
    changed = drop_features(TextFeatures(features=features(3, 2), mask=mask), empty, DROPPED)
    assert torch.equal(changed.features[1], empty.features[0])
    assert changed.mask is not None
    assert changed.mask.tolist() == [[True, True, False], [True, True, True], [True, False, False]]


def test_a_mask_on_one_side_is_kept_where_lengths_are_equal() -> None:
    mask = torch.tensor([[True, False]])
    text, empty = TextFeatures(features=features(3, 2)), TextFeatures(features=features(1, 2), mask=mask)
    changed = drop_features(text, empty, DROPPED)
    assert changed.mask is not None
    assert changed.mask.tolist() == [[True, True], [True, False], [True, True]]
