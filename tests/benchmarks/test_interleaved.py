"""Contenders take turns."""

import pytest

from benchmarks.interleaved import interleave, machine, speedup


def test_contenders_run_in_turn() -> None:
    ran: list[str] = []
    seconds = interleave({name: lambda name=name: ran.append(name) for name in "abc"}, rounds=3)
    assert "".join(ran) == "abcabcabc"
    assert [len(taken) for taken in seconds.values()] == [3, 3, 3]


def test_the_clock_is_the_callers() -> None:
    ticks = iter([0.0, 1.0, 10.0, 12.0, 20.0, 24.0, 30.0, 38.0])
    contenders = {"a": lambda: None, "b": lambda: None}
    assert interleave(contenders, rounds=2, clock=lambda: next(ticks)) == {"a": [1.0, 4.0], "b": [2.0, 8.0]}


def test_speedup_compares_what_ran_at_the_same_time() -> None:
    # In the second round the machine was ten times slower, for both.
    assert speedup([3.0, 30.0, 2.0], [1.0, 10.0, 1.0]) == pytest.approx(3)


def test_the_machine_is_described_in_a_line() -> None:
    assert "PyTorch" in machine()
    assert "\n" not in machine()
