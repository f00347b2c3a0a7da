"""Slots and rotary positions."""

import pytest
import torch

from captioning.cogvlm.layout import Layout


def test_image_slots_are_begin_of_image_and_patches() -> None:
    layout = Layout(patches=4)
    assert list(range(9))[layout.image] == [1, 2, 3, 4, 5]
    assert layout.prefix == 7


@pytest.mark.parametrize("patches", [1, 2, 4, 1225])
def test_positions_count_all_patches_as_one(patches: int) -> None:
    #             BOS boi patches          eoi text
    expected = [0, 1, *[2] * patches, 3, 4, 5, 6]
    assert Layout(patches=patches).positions(torch.arange(patches + 6)).tolist() == expected


def test_positions_of_slots_in_different_places() -> None:
    assert Layout(patches=4).positions(torch.tensor([[9], [3], [7]])).tolist() == [[6], [2], [4]]
