"""The options that choose a judge, and a bar of what it has answered: for every evaluation that asks."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from jsonargparse import ArgumentError, ArgumentParser, Namespace
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from curation.config_errors import explain, nearest
from pipelines.errors import UsageError
from training.evaluation import asking
from training.evaluation.judge import Judge
from training.evaluation.judges import ALIASES


def add_judge(parser: ArgumentParser) -> None:
    """Add `--judge`, its settings, and `--workers`."""
    parser.add_subclass_arguments(
        Judge,
        "judge",
        help="who answers: mplug, blip, chat, openai, or a class; --judge.help CLASS lists its settings",
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="judges at once: a process and a GPU each, or threads for a server"
    )


def without_aliases(args: Sequence[str]) -> list[str]:
    """`args` with the class for the alias of a judge.

    Raises:
        UsageError: a judge is called by a name that none has.
    """
    given = list(args)
    for place, argument in enumerate(given):
        name, sign, value = argument.partition("=")
        if name == "--judge" and sign:
            given[place] = f"{name}={_class(value)}"
        elif argument in ("--judge", "--judge.help") and place + 1 < len(given):
            given[place + 1] = _class(given[place + 1])
    return given


def _class(name: str) -> str:
    if name.isidentifier() and name not in (known := {*ALIASES, *ALIASES.values()}):
        raise UsageError(f"no judge is called {name!r}{nearest(name, known)}; there are {', '.join(ALIASES)}")
    return ALIASES.get(name, name)


def make_judge(parser: ArgumentParser, options: Namespace) -> Judge:
    """The judge that `options` describe, with settings that can work.

    Raises:
        UsageError: they can't; says which.
    """
    if options.workers < 1:
        raise UsageError(f"--workers {options.workers}: expected 1 or more")
    try:
        judge = parser.instantiate(options).judge
        if judge is None:
            raise UsageError(f"no --judge: expected one of {', '.join(ALIASES)}, or a class")
        assert isinstance(judge, Judge)
        judge.check()
    except UsageError:
        raise
    except (ArgumentError, TypeError, ValueError) as error:
        raise UsageError(explain(str(error), parser)) from error
    return judge


@contextmanager
def answering() -> Iterator[asking.Progress]:
    """A bar on stderr while a judge answers; none where there is nothing to ask, or nobody to see it."""
    columns = (TextColumn("answers"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("answers", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=bool(total))
