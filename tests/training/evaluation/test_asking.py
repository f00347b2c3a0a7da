"""Questions put to a judge by one worker or several: the same answers, each asked once, none lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.evaluation.looking import LookingJudge, save_grid
from training.evaluation.answers import FILE, Answers, Asked
from training.evaluation.asking import Question, ask
from training.evaluation.judge import Answer, UnansweredError
from training.evaluation.pictures import grid_crops, look

TEXTS = ("is it red?", "is it green?", "is it blue?", "what is it?")


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> list[Question]:
    folder = tmp_path_factory.mktemp("images")
    for name, colours in {"a": ["red", "green", "blue", "grey"], "b": ["blue", "blue", "red", "red"]}.items():
        save_grid(folder / f"{name}.png", colours)
    return [
        Question(path=picture.path, asked=Asked(image=picture.sha256, crop=crop, question=text))
        for picture in look(str(path) for path in sorted(folder.iterdir()))
        for crop in grid_crops(8, 4)
        for text in TEXTS
    ]


def test_every_question_is_answered_about_its_own_crop(questions: list[Question], tmp_path: Path) -> None:
    judge = LookingJudge()
    answers = Answers(str(tmp_path), judge.identity)
    seen: list[tuple[int, int]] = []
    assert ask(judge, questions, answers, progress=lambda done, total: seen.append((done, total))) == 32
    texts = [answers[question.asked].text for question in questions]
    assert texts[:16] == [
        "yes", "no", "no", "perhaps", "no", "yes", "no", "perhaps", "no", "no", "yes", "perhaps", "no", "no", "no",
        "perhaps",
    ]  # fmt: skip
    assert answers[questions[0].asked].yes == pytest.approx(200 / 230)
    assert seen[0] == (0, 32)
    assert seen[-1] == (32, 32)
    assert len(seen) == 12, "a report before the first batch and after each of 11"


@pytest.mark.parametrize("threads", [True, False], ids=["threads", "processes"])
def test_any_number_of_workers_leaves_the_same_file(questions: list[Question], tmp_path: Path, threads: bool) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        judge = LookingJudge(threads=threads)
        ask(judge, questions, Answers(str(tmp_path / name), judge.identity), workers=workers)
    assert (tmp_path / "one" / FILE).read_bytes() == (tmp_path / "two" / FILE).read_bytes()


def test_only_what_is_missing_is_asked_and_each_question_once(questions: list[Question], tmp_path: Path) -> None:
    judge = LookingJudge(log=str(tmp_path / "log"))
    ask(judge, questions[:7] * 2, Answers(str(tmp_path), judge.identity))
    assert len((tmp_path / "log").read_text().splitlines()) == 7
    assert ask(judge, questions, Answers(str(tmp_path), judge.identity)) == 25
    assert len((tmp_path / "log").read_text().splitlines()) == 32
    # A judge that could not even be loaded is good enough to look up what it said.
    unloadable = LookingJudge(model="broken")
    Answers(str(tmp_path), unloadable.identity).add([(question.asked, Answer(text="no")) for question in questions])
    assert ask(unloadable, questions, Answers(str(tmp_path), unloadable.identity)) == 0


@pytest.mark.parametrize(
    ("threads", "workers"), [(False, 1), (True, 3), (False, 2)], ids=["one", "threads", "processes"]
)
def test_what_was_answered_before_an_error_is_kept(
    questions: list[Question], tmp_path: Path, threads: bool, workers: int
) -> None:
    judge = LookingJudge(threads=threads, dies_at="is it square?", batch_size=4)
    asked = questions[9].asked._replace(question="is it square?")
    broken = [*questions[:9], Question(path=questions[9].path, asked=asked), *questions[10:]]
    with pytest.raises(OSError, match="the judge died"):
        ask(judge, broken, Answers(str(tmp_path), judge.identity), workers=workers)
    known = Answers(str(tmp_path), judge.identity)
    assert all(question.asked in known for question in questions[:8]), "the two batches before it"
    assert asked not in known
    assert (tmp_path / FILE).exists()


def test_after_an_error_no_more_is_asked(questions: list[Question], tmp_path: Path) -> None:
    asked = questions[0].asked._replace(question="is it square?")
    first = Question(path=questions[0].path, asked=asked)
    judge = LookingJudge(threads=True, dies_at="is it square?", batch_size=1, pause=0.02, log=str(tmp_path / "log"))
    with pytest.raises(OSError, match="the judge died"):
        ask(judge, [first, *questions], Answers(str(tmp_path), judge.identity), workers=2)
    assert len((tmp_path / "log").read_text().splitlines()) < len(questions)


class LazyJudge(LookingJudge):
    """Forgets the last question."""

    def answer(self, images: list[object], questions: list[str]) -> list[Answer]:  # type: ignore[override]
        return super().answer(images, questions)[:-1]  # type: ignore[arg-type]


class HalfJudge(LookingJudge):
    """Fails for every question about blue, as a server may for some requests."""

    answer_all: Callable[..., list[Answer]] = LookingJudge.answer

    def answer(self, images: list[object], questions: list[str]) -> list[Answer]:  # type: ignore[override]
        answers = self.answer_all(images, questions)
        failed = ["blue" in question for question in questions]
        if any(failed):
            raise UnansweredError(
                "the server is down", [None if f else a for f, a in zip(failed, answers, strict=True)]
            )
        return answers


@pytest.mark.parametrize(("threads", "workers"), [(False, 1), (True, 2)], ids=["one", "threads"])
def test_of_a_batch_that_failed_in_part_the_answers_are_kept(
    questions: list[Question], tmp_path: Path, threads: bool, workers: int
) -> None:
    judge = HalfJudge(threads=threads, batch_size=4)
    with pytest.raises(ConnectionError, match="the server is down"):
        ask(judge, questions, Answers(str(tmp_path), judge.identity), workers=workers)
    known = Answers(str(tmp_path), judge.identity)
    assert [question.asked in known for question in questions[:4]] == [True, True, False, True]


def test_a_judge_that_leaves_a_question_out_is_at_fault(questions: list[Question], tmp_path: Path) -> None:
    judge = LazyJudge(batch_size=4)
    with pytest.raises(ValueError, match="looking: 3 answers to 4 questions; expected one for each"):
        ask(judge, questions, Answers(str(tmp_path), judge.identity))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_judge_that_cannot_be_loaded_says_why(questions: list[Question], tmp_path: Path, workers: int) -> None:
    judge = LookingJudge(model="broken")
    with pytest.raises(ValueError, match="model 'broken': cannot be loaded"):
        ask(judge, questions, Answers(str(tmp_path), judge.identity), workers=workers)


def test_nothing_to_ask_loads_no_judge(tmp_path: Path) -> None:
    judge = LookingJudge(model="broken")
    assert ask(judge, [], Answers(str(tmp_path), judge.identity), workers=2) == 0
    assert not (tmp_path / FILE).exists()
