"""Slots, rotary positions and masks."""

import torch

from captioning.cogvlm.layout import Layout

CPU = torch.device("cpu")


def test_image_slots_are_begin_of_image_and_patches() -> None:
    layout = Layout(patches=4)
    assert list(range(9))[layout.image] == [1, 2, 3, 4, 5]
    assert layout.prefix == 7


def test_positions_count_all_patches_as_one() -> None:
    #          BOS boi patches......  eoi text
    expected = [0, 1, 2, 2, 2, 2, 3, 4, 5, 6]
    assert Layout(patches=4).positions(0, 10, CPU).tolist() == [expected]
    assert Layout(patches=4).positions(9, 10, CPU).tolist() == [[6]]


def test_positions_skip_padding() -> None:
    layout = Layout(patches=2, padding=torch.tensor([0, 2]))
    full, padded = layout.positions(0, 9, CPU).tolist()
    assert full == [0, 1, 2, 2, 3, 4, 5, 6, 7]
    assert padded[:5] == [0, 1, 2, 2, 3]
    assert padded[7:] == [4, 5]


def test_no_mask_without_padding() -> None:
    assert Layout(patches=2).mask(0, 9, CPU) is None


def test_mask_is_causal_and_leaves_padding_out() -> None:
    layout = Layout(patches=1, padding=torch.tensor([0, 2]))
    full, padded = layout.mask(0, 7, CPU)[:, 0].int().tolist()
    assert full == [[1] * (slot + 1) + [0] * (6 - slot) for slot in range(7)]
    assert padded[3] == [1, 1, 1, 1, 0, 0, 0]  # end of image
    assert padded[6] == [1, 1, 1, 1, 0, 0, 1]  # the only slot of text


def test_mask_of_a_single_slot_covers_what_came_before() -> None:
    layout = Layout(patches=1, padding=torch.tensor([1, 0]))
    assert layout.mask(6, 7, CPU).int().tolist() == [[[[1, 1, 1, 1, 0, 1, 1]]], [[[1] * 7]]]
