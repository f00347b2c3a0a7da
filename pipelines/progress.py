"""What a person sees of a run: lines that say what happens, and a bar a stage that fills as its files appear."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from curation.dataset import Dataset, Shard
from curation.redaction import redact_message
from curation.stage import ShardStage
from pipelines import completion

PLAIN_INTERVAL = 10.0
"""Seconds between two lines where the output is a file or a pipe, and bars make no sense."""


class Display:
    """Shows nothing; what a run that nobody watches uses."""

    def say(self, line: str) -> None:
        """Take one line that tells a person what happens now."""

    @contextmanager
    def watch(
        self, name: str, dataset: Dataset, stages: Sequence[ShardStage], shards: Sequence[Shard]
    ) -> Iterator[None]:
        """Show how far `shards` are in each of `stages` for the length of the block."""
        yield


class ConsoleDisplay(Display):
    """Shows a run on a terminal, or as plain lines in a file.

    Args:
        console: where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = time.monotonic()

    def say(self, line: str) -> None:
        """Print `line` after the seconds since the start, without secrets."""
        elapsed = f"[dim]{time.monotonic() - self._start:6.1f} s[/]  "
        self._console.print(elapsed + escape(redact_message(line)), highlight=False, soft_wrap=True)

    @contextmanager
    def watch(
        self, name: str, dataset: Dataset, stages: Sequence[ShardStage], shards: Sequence[Shard]
    ) -> Iterator[None]:
        """Look at the stages' folders now and then, in a thread of its own."""

        def look() -> list[int]:
            return [len(completion.finished(dataset, stage, shards)) for stage in stages]

        show = self._bars if self._console.is_terminal else self._lines
        with show(name, [stage.folder for stage in stages], len(shards)) as update, _repeat(lambda: update(look())):
            yield

    @contextmanager
    def _bars(self, name: str, folders: list[str], total: int) -> Iterator[Callable[[list[int]], None]]:
        columns = (
            TextColumn("          {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            tasks = [progress.add_task(f"{name}: {folder}", total=total) for folder in folders]

            def update(counts: list[int]) -> None:
                for task, count in zip(tasks, counts, strict=True):
                    progress.update(task, completed=count)

            yield update

    @contextmanager
    def _lines(self, name: str, folders: list[str], total: int) -> Iterator[Callable[[list[int]], None]]:
        shown: list[int] = []
        first: list[int] = []
        last, start = 0.0, time.monotonic()

        def update(counts: list[int]) -> None:
            nonlocal shown, first, last
            first = first or counts
            if counts == shown or (time.monotonic() - last < PLAIN_INTERVAL and set(counts) != {total}):
                return
            shown, last = counts, time.monotonic()
            done = (f"{folder} {count}/{total}" for folder, count in zip(folders, counts, strict=True))
            self.say(f"{name}: {', '.join(done)}{_time_left(first, counts, total, time.monotonic() - start)}")

        yield update


def _time_left(first: list[int], now: list[int], total: int, seconds: float) -> str:
    """`, about 1:30 h left`, by the stage that needs longest at its pace since `first`; empty while that is unknown."""
    paces = [(total - count, count - before) for before, count in zip(first, now, strict=True) if count < total]
    if not paces or not all(done for _, done in paces):
        return ""
    minutes = math.ceil(max(left / done for left, done in paces) * seconds / 60)
    return f", about {minutes // 60}:{minutes % 60:02d} h left"


@contextmanager
def _repeat(action: Callable[[], None]) -> Iterator[None]:
    """Call `action` again and again in a thread while the block runs, and once more at its end.

    It rests 20 times as long as it works, so that listing a large or distant folder costs no more than 5 %.
    """
    stop = threading.Event()

    def loop() -> None:
        rest = 0.0
        while not stop.wait(max(rest, 0.5)):
            start = time.monotonic()
            action()
            rest = 20 * (time.monotonic() - start)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        action()
