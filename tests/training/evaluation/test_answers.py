"""Answers that are kept, whoever is killed."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from training.evaluation.answers import FILE, FOLDER, SCHEMA, Answers, Asked
from training.evaluation.judge import Answer


def asked(number: int, crop: str = "") -> Asked:
    return Asked(image=f"{number:064x}", crop=crop, question=f"is it {number}?")


def test_answers_come_back_before_and_after_merging(tmp_path: Path) -> None:
    answers = Answers(str(tmp_path), "judge")
    answers.add([(asked(1), Answer(text="yes", yes=0.75)), (asked(2), Answer(text="no"))])
    answers.add([(asked(1, "0,0,8,8"), Answer(text="maybe"))])
    answers.add([])
    assert len(list((tmp_path / FOLDER).iterdir())) == 2
    for _ in range(2):
        again = Answers(str(tmp_path), "judge")
        assert len(again) == 3
        assert again[asked(1)] == Answer(text="yes", yes=0.75)
        assert again[asked(1, "0,0,8,8")] == Answer(text="maybe")
        assert asked(3) not in again
        again.merge()
    assert not (tmp_path / FOLDER).exists()
    assert pq.read_schema(tmp_path / FILE).equals(SCHEMA)


def test_another_judges_answers_are_not_mine_and_are_not_lost(tmp_path: Path) -> None:
    first, second = Answers(str(tmp_path), "first"), Answers(str(tmp_path), "second")
    first.add([(asked(1), Answer(text="yes"))])
    first.merge()
    second.add([(asked(1), Answer(text="no"))])
    second.merge()
    assert Answers(str(tmp_path), "first")[asked(1)].text == "yes"
    assert Answers(str(tmp_path), "second")[asked(1)].text == "no"
    assert len(Answers(str(tmp_path), "third")) == 0


def test_the_file_is_the_same_whatever_the_order(tmp_path: Path) -> None:
    answered = [(asked(number, crop), Answer(text=crop or "x", yes=None)) for number in range(5) for crop in ("", "a")]
    contents = set()
    for seed in range(3):
        answers = Answers(str(tmp_path / str(seed)), "judge")
        shuffled = random.Random(seed).sample(answered, len(answered))
        for start in range(0, len(shuffled), seed + 2):
            answers.add(shuffled[start : start + seed + 2])
        answers.merge()
        contents.add((tmp_path / str(seed) / FILE).read_bytes())
    assert len(contents) == 1


def test_what_was_left_between_merging_and_cleaning_up_counts_once(tmp_path: Path) -> None:
    answers = Answers(str(tmp_path), "judge")
    answers.add([(asked(1), Answer(text="yes"))])
    (part,) = (tmp_path / FOLDER).iterdir()
    content = part.read_bytes()
    answers.merge()
    part.parent.mkdir()
    part.write_bytes(content)
    (part.parent / ".tmp-left").write_bytes(b"half a fi")
    again = Answers(str(tmp_path), "judge")
    again.merge()
    assert pq.read_table(tmp_path / FILE).num_rows == 1


def test_evaluations_at_once_lose_none_of_each_others_answers(tmp_path: Path) -> None:
    def evaluate(worker: int) -> None:
        for number in range(worker, 40, 4):
            answers = Answers(str(tmp_path), "judge")
            answers.add([(asked(number), Answer(text="yes"))])
            answers.merge()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(evaluate, range(4)))
    answers = Answers(str(tmp_path), "judge")
    assert all(asked(number) in answers for number in range(40))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"PAR1 and then nothing")
    with pytest.raises(ValueError, match=r"answers\.parquet: not a whole Parquet file"):
        Answers(str(tmp_path), "judge")
