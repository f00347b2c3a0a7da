"""The resizing benchmark: steps take turns, and each does its work."""

import time

from benchmarks.photograph_server import bodies
from benchmarks.resizing import IMAGE_SIZE, cpu_milliseconds, steps


def test_steps_take_turns_and_the_median_is_of_cpu_time() -> None:
    ran: list[tuple[str, int]] = []

    def busy(image: int) -> None:
        ran.append(("busy", image))
        until = time.thread_time() + 0.005
        while time.thread_time() < until:
            pass

    def idle(image: int) -> None:
        ran.append(("idle", image))
        time.sleep(0.02)

    took = cpu_milliseconds({"busy": busy, "idle": idle}, images=2, rounds=2)
    assert ran == [("busy", 0), ("idle", 0), ("busy", 1), ("idle", 1)] * 2
    assert took["busy"] >= 5
    assert took["idle"] < took["busy"]


def test_both_sides_keep_the_large_and_refuse_the_small() -> None:
    does = steps([bodies((640,))[0]])
    theirs, ours = does["all: img2dataset"](0), does["all: Download"](0)
    assert theirs[1:] == ours[1:] == (IMAGE_SIZE, IMAGE_SIZE, 640, 640, None)
    does = steps([bodies((200,))[0]])
    assert does["all: img2dataset"](0)[-1] == "image too small"
    assert does["all: Download"](0)[-1].startswith("too_small")
