"""A batch moves as a whole, its text features included."""

import torch
from lightning.fabric.utilities.apply_func import move_data_to_device

from tests.training import tiny
from training.batch import Batch, TextFeatures


def test_a_batch_moves_as_lightning_moves_it() -> None:
    text = TextFeatures(features=torch.zeros(2, 3, 4), mask=torch.ones(2, 3, dtype=torch.bool))
    batch: Batch = {**tiny.batch(2), "text": text, "empty_text": TextFeatures(features=torch.zeros(1, 3, 4))}
    moved: Batch = move_data_to_device(batch, torch.device("meta"))
    assert moved["text"].features.device.type == "meta"
    assert moved["text"].mask is not None
    assert moved["text"].mask.device.type == "meta"
    assert moved["empty_text"].features.device.type == "meta"
    assert moved["empty_text"].mask is None
    assert moved["pixels"].device.type == "meta"
    assert moved["captions"] == batch["captions"]
    assert text.features.device.type == "cpu"


def test_features_keep_their_values_and_precision_where_they_are() -> None:
    text = TextFeatures(features=torch.randn(1, 2, 3).bfloat16())
    assert torch.equal(text.to("cpu").features, text.features)
    assert text.to("cpu").features.dtype == torch.bfloat16


if torch.cuda.is_available():

    def test_pinned_features_reach_a_gpu() -> None:
        text = TextFeatures(features=torch.randn(1, 2, 3), mask=torch.tensor([[True, False]]))
        pinned = text.pin_memory()
        assert pinned.features.is_pinned()
        there = pinned.to("cuda")
        assert torch.equal(there.features.cpu(), text.features)
        assert there.mask is not None
        assert torch.equal(there.to("cpu").features, text.features)
