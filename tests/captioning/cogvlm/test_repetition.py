"""Loops are noticed where they are, and nowhere else."""

import torch

from captioning.cogvlm.repetition import LEAST, PERIODS, TIMES, Repetition

CPU = torch.device("cpu")


def noticed(tokens: list[int]) -> int | None:
    """How many of `tokens` it takes to notice a loop."""
    watch = Repetition(1, CPU)
    for count, token in enumerate(tokens, start=1):
        if watch.update(torch.tensor([token])).item():
            return count
    return None


def test_a_passage_is_a_loop_when_it_stands_there_for_the_third_time() -> None:
    start, passage = [1, 2, 3], [10, 11, 12, 13, 14, 15, 16]
    assert TIMES == 3
    assert noticed(start + passage * 4) == len(start) + 3 * len(passage)
    assert noticed(start + passage * 2 + passage[:-1]) is None


def test_the_longest_passage_is_noticed_and_a_longer_one_is_not() -> None:
    assert noticed(list(range(PERIODS)) * 3) == 3 * PERIODS
    assert noticed(list(range(PERIODS + 1)) * 3) is None


def test_one_word_may_be_said_a_few_times() -> None:
    assert noticed([5, *[7] * LEAST, 5]) is None
    assert noticed([5, *[7] * (LEAST + 1)]) == LEAST + 2


def test_words_that_come_back_are_no_loop() -> None:
    assert noticed([7, 7, 3, 7, 7, 4] * 2 + [7, 7, 3, 7, 7, 5] * 2 + [token % 9 for token in range(17)]) is None


def test_a_passage_that_changes_on_the_way_begins_anew() -> None:
    passage = list(range(20))
    assert noticed(passage * 2 + [99] + passage * 2 + [99]) is None


def test_rows_are_watched_apart_and_forgotten_apart() -> None:
    watch = Repetition(3, CPU)
    for step in range(LEAST):
        assert not watch.update(torch.tensor([7, 7, step])).any()
    watch.forget(torch.tensor([1]))
    assert watch.update(torch.tensor([7, 7, 7])).tolist() == [True, False, False]
    for _ in range(LEAST - 1):
        assert not watch.update(torch.tensor([7, 7, 7]))[1]
    assert watch.update(torch.tensor([7, 7, 7]))[1]
