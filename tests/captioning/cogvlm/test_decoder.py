"""The device's side of generation, one step at a time."""

import pytest
from torch import Tensor

from captioning.cogvlm import CogVLM
from captioning.cogvlm.decoder import Decoder, Text


@pytest.fixture
def decoder(model: CogVLM) -> Decoder:
    return Decoder(model, slots=3, capacity=64, longest=10, sampling=None, acceleration="none")


def test_slots_that_nobody_writes_in_stay_as_they_are(decoder: Decoder, pixels: Tensor) -> None:
    idle = decoder.read()
    decoder.admit([1], pixels[:1], [[7, 21]], [4], [0])
    decoder.run(3, window=64)
    first, second, third = decoder.read()
    assert [first, third] == [idle[0], idle[2]]
    assert len(second.tokens) == 3
    assert second.ending is None


def test_an_ended_text_does_not_change_while_others_go_on(decoder: Decoder, pixels: Tensor) -> None:
    decoder.admit([0, 1, 2], pixels, [[7, 21], [5], [9]], [2, 9, 1], [0, 0, 0])
    decoder.run(2, window=64)
    early = decoder.read()
    decoder.run(5, window=64)
    late = decoder.read()
    assert early[0] == late[0]
    assert early[2] == late[2]
    assert [text.ending for text in late] == ["length", None, "length"]
    assert [len(text.tokens) for text in late] == [2, 7, 1]
    assert late[1].tokens[:2] == early[1].tokens


def test_many_steps_at_once_are_as_many_single_ones(model: CogVLM, pixels: Tensor) -> None:
    def written(rounds: list[int]) -> list[Text]:
        decoder = Decoder(model, slots=3, capacity=64, longest=10, sampling=None, acceleration="none")
        decoder.admit([2, 0, 1], pixels, [[7, 21], [5], [9]], [10, 9, 3], [0, 0, 0])
        for steps in rounds:
            decoder.run(steps, window=64)
        return decoder.read()

    assert written([9]) == written([1] * 9)


@pytest.mark.parametrize("window", [32, 48, 64])
def test_how_far_it_looks_does_not_matter_if_it_is_far_enough(model: CogVLM, pixels: Tensor, window: int) -> None:
    decoder = Decoder(model, slots=3, capacity=64, longest=10, sampling=None, acceleration="none")
    decoder.admit([0, 1, 2], pixels, [[7, 21], [5], [9]], [9, 9, 9], [0, 0, 0])
    slots = model.layout.prefix + 2 + 9
    decoder.run(9, window=slots)
    tight = decoder.read()
    decoder.admit([0, 1, 2], pixels, [[7, 21], [5], [9]], [9, 9, 9], [0, 0, 0])
    decoder.run(9, window=window)
    assert decoder.read() == tight
