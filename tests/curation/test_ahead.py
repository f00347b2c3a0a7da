"""Work done ahead on threads: in order, bounded, and stopped when nobody wants it."""

import threading
from collections.abc import Iterator

import pytest

from curation.ahead import ahead


def test_results_come_in_order_whoever_is_first() -> None:
    second_is_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_is_done.wait(10)
        if item == 1:
            second_is_done.set()
        return item * item

    assert list(ahead(work, range(20), threads=2, distance=3)) == [item * item for item in range(20)]


@pytest.mark.parametrize("distance", [0, 1, 5])
def test_items_are_taken_no_further_ahead_than_the_distance(distance: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(20):
            taken.append(item)
            yield item

    for count, _ in enumerate(ahead(str, items(), threads=3, distance=distance), start=1):
        assert len(taken) == min(20, count + distance)


def test_an_error_comes_where_its_result_would() -> None:
    results = ahead(lambda item: 1 // item, [1, 1, 0, 1], threads=2, distance=4)
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_what_nobody_takes_is_not_begun_and_no_thread_stays() -> None:
    before = set(threading.enumerate())
    begun: list[int] = []
    release = threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        if item:
            release.wait(10)
        return item

    results = ahead(work, range(50), threads=1, distance=40)
    assert next(results) == 0
    threading.Timer(0.05, release.set).start()
    results.close()
    assert len(begun) <= 3
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("ahead")]
