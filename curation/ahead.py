"""Runs a function on threads, a bounded way ahead of whoever takes its results."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, threads: int, distance: int
) -> Iterator[Result]:
    """Yield `function(item)` for each of `items`, in order.

    Args:
        function: called on any of the threads; what it raises is raised where its result would have been.
        items: taken as they are needed.
        threads: how many.
        distance: results that are ready or under way beyond the one that is yielded.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ahead")
    under_way: deque[Future[Result]] = deque()
    try:
        for item in items:
            under_way.append(pool.submit(function, item))
            if len(under_way) > distance:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
