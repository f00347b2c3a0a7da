"""Puts questions to a judge: only those that are not answered yet, in batches, by one worker or several."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from training.evaluation.answers import Answers, Asked
from training.evaluation.device import be_worker
from training.evaluation.judge import Answer, Judge, UnansweredError
from training.evaluation.pictures import cut, read_image

Progress = Callable[[int, int], None]
"""Called with questions answered and questions to answer."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question about what a crop shows of the image at `path`."""

    path: str
    asked: Asked


def ask(
    judge: Judge, questions: Iterable[Question], answers: Answers, *, workers: int = 1, progress: Progress | None = None
) -> int:
    """Have every question answered; returns how many had to be asked.

    What is answered is on disk before more is asked for, also where this ends in an error. Batches are cut before they
    are dealt out, so the number of workers changes nothing.

    Args:
        judge: is set up only if something has to be asked.
        questions: each is asked once.
        answers: what is known, and where what is answered goes.
        workers: processes with a model each, on the GPUs in turn; threads where a server does the work.
        progress: is told of every batch.

    Raises:
        ValueError, OSError: the judge cannot work, or failed; says what to do.
    """
    missing = list({question.asked: question for question in questions if question.asked not in answers}.values())
    batches = [missing[start : start + judge.batch_size] for start in range(0, len(missing), judge.batch_size)]
    report = progress or (lambda done, total: None)
    done = 0
    report(done, len(missing))
    try:
        for answered in _answered(judge, batches, min(workers, len(batches))):
            answers.add(answered)
            done += len(answered)
            report(done, len(missing))
    finally:
        answers.merge()
    return len(missing)


Answered = list[tuple[Asked, Answer]]


@dataclass(frozen=True, kw_only=True)
class _Replies:
    """What came of one batch: answers, and what went wrong with the others."""

    answered: Answered
    failure: str = ""


def _answered(judge: Judge, batches: Sequence[list[Question]], workers: int) -> Iterator[Answered]:
    """The answers of every batch; those of a batch that failed in part come before its error."""
    if workers > 1:
        with _pool(judge, workers) as submit:
            yield from _as_completed([submit(batch) for batch in batches])
    elif batches:
        judge.setup()
        for batch in batches:
            replies = _answer(judge, batch)
            yield replies.answered
            if replies.failure:
                raise ConnectionError(replies.failure)


def _as_completed(futures: Sequence[Future[_Replies]]) -> Iterator[Answered]:
    """Answers as they come; after an error the batches under way are waited for, and what they answered is kept."""
    errors: list[BaseException] = []
    for future in as_completed(futures):
        if future.cancelled():
            continue
        error = future.exception()
        if error is None:
            yield future.result().answered
            error = ConnectionError(future.result().failure) if future.result().failure else None
        if isinstance(error, BrokenExecutor):
            error = ChildProcessError("a judge's process died, perhaps for want of memory; the same command goes on")
        if error is not None:
            errors.append(error)
            for other in futures:
                other.cancel()
    if errors:
        raise errors[0]


@contextmanager
def _pool(judge: Judge, workers: int) -> Iterator[Callable[[list[Question]], Future[_Replies]]]:
    """What hands a batch to a worker."""
    if judge.in_threads:
        judge.setup()
        with ThreadPoolExecutor(workers, thread_name_prefix="judge") as threads:
            yield lambda batch: threads.submit(_answer, judge, batch)
        return
    context = multiprocessing.get_context("spawn")  # a forked process can't use a GPU that its parent has touched
    numbers = context.SimpleQueue()
    for number in range(workers):
        numbers.put(number)
    with ProcessPoolExecutor(workers, context, initializer=_Worker.start, initargs=(judge, numbers)) as processes:
        yield lambda batch: processes.submit(_Worker.answer, batch)


class _Worker:
    """What a worker process keeps between batches."""

    judge: Judge
    ready = False

    @classmethod
    def start(cls, judge: Judge, numbers: Any) -> None:
        be_worker(numbers.get())
        cls.judge = judge

    @classmethod
    def answer(cls, batch: list[Question]) -> _Replies:
        """Answer, with the model loaded before the first batch: an error while loading then reaches who asks."""
        if not cls.ready:
            cls.judge.setup()
            cls.ready = True
        return _answer(cls.judge, batch)


def _answer(judge: Judge, batch: list[Question]) -> _Replies:
    """One call of the judge; an image that several questions are about is read once."""
    images = {path: read_image(path) for path in dict.fromkeys(question.path for question in batch)}
    crops = [cut(images[question.path], question.asked.crop) for question in batch]
    asked = [question.asked for question in batch]
    answers: Sequence[Answer | None]
    failure = ""
    try:
        answers = judge.answer(crops, [one.question for one in asked])
    except UnansweredError as unanswered:
        answers, failure = unanswered.answers, str(unanswered)
    if len(answers) != len(asked):
        raise ValueError(f"{judge.model}: {len(answers)} answers to {len(asked)} questions; expected one for each")
    pairs = zip(asked, answers, strict=True)
    return _Replies(answered=[(one, answer) for one, answer in pairs if answer is not None], failure=failure)
