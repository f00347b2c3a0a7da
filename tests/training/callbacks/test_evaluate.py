"""DPG-Bench in small during a training: the right score in the log, and the same training as without."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL.Image import Image

from curation.stage import execution
from tests.training.callbacks.fitting import fit, logged
from tests.training.evaluation.dpg.tables import row, save
from training.callbacks import EvaluateDPG
from training.callbacks.evaluate import subset
from training.errors import SettingsError
from training.evaluation.dpg.benchmark import read_benchmark
from training.evaluation.dpg.rules import fixed
from training.evaluation.judge import Answer, Judge
from training.evaluation.scores import values


@dataclass(kw_only=True)
class LightJudge(Judge):
    """Says yes where an image's mean light has an odd last digit, so that scores are neither 0 nor 1."""

    model: str = "light"
    batch_size: int = execution(4)
    fails_at: int = -1
    log: str = ""
    seen: list[tuple[bytes, str, str]] = field(default_factory=list)
    calls: int = 0

    def setup(self) -> None:
        if self.model == "unloadable":
            raise OSError("no weights")
        torch.rand(3)
        np.random.rand(3)

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[Answer]:
        self.calls += 1
        if self.calls == self.fails_at:
            raise ConnectionError("the server is away")
        if self.log:
            with Path(self.log).open("a") as file:
                file.write("".join(f"{question}\n" for question in questions))
        answers = [Answer(text=_light(image, question)) for image, question in zip(images, questions, strict=True)]
        self.seen += [(i.tobytes(), q, a.text) for i, q, a in zip(images, questions, answers, strict=True)]
        return answers


def _light(image: Image, question: str) -> str:
    return "yes" if int(np.asarray(image).sum() + len(question)) % 2 else "no"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    rows = [
        row(f"i{item}", number, "0" if number == 1 else "1", category, f"{number}{'?' * number} of {item}")
        for item in range(5)
        for number, category in ((1, "entity - whole"), (2, "attribute - color"), (3, "entity - part"))
    ]
    return save(tmp_path_factory.mktemp("table") / "dpg.csv", rows)


def make_callback(table: str, judge: Judge, **settings: int) -> EvaluateDPG:
    usual = {"every_n_steps": 2, "items": 3, "images": 2, "size": 32, "steps": 2}
    return EvaluateDPG(table, judge, **{**usual, **settings})  # type: ignore[arg-type]


def expected(table: str, answers: list[tuple[bytes, str, str]]) -> dict[str, float]:
    """The scores of what a judge saw, image after image, in percent."""
    part = subset(read_benchmark(table), 3)
    replies = {
        item_id: [
            {question: text for image, question, text in answers if question in item.questions and image == pixels}
            for pixels in dict.fromkeys(image for image, question, _ in answers if question in item.questions)
        ]
        for item_id, item in part.items.items()
    }
    scores = values(fixed(part, replies, 2))
    return {
        f"dpg/{name}": 100 * scores[key]
        for name, key in {"average": "overall", "entity": "level1/entity", "attribute": "level1/attribute"}.items()
    }


def dpg(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """The rows of a log that have a score, without what else they have."""
    found = [{name: value for name, value in row.items() if name.startswith("dpg/")} for row in rows]
    return [row for row in found if row]


def test_the_fixed_score_of_a_few_prompts_is_in_the_log(world: Path, tmp_path: Path, table: str) -> None:
    judge = LightJudge()
    fit(world, tmp_path, make_callback(table, judge), max_steps=4, log_every_n_steps=3)
    assert len(judge.seen) == 2 * 3 * 2 * 3, "twice, three prompts with two images and three questions"
    first, second = dpg(logged(tmp_path))
    assert first == pytest.approx(expected(table, judge.seen[:18]))
    assert second == pytest.approx(expected(table, judge.seen[18:]))
    assert judge.seen[0][0] != judge.seen[18][0], "the connector learnt nothing, or is not what draws"
    assert len({pixels for pixels, _, _ in judge.seen[:18]}) == 6


def test_the_training_is_the_same_as_without(world: Path, tmp_path: Path, table: str) -> None:
    plain = fit(world, tmp_path / "plain", max_steps=4)
    after = torch.rand(1), np.random.rand()
    watched = fit(world, tmp_path / "watched", make_callback(table, LightJudge()), max_steps=4)
    assert (torch.rand(1), np.random.rand()) != after
    for name, tensor in plain.connector.state_dict().items():
        assert torch.equal(tensor, watched.connector.state_dict()[name]), name
    assert watched.connector.training


def test_random_numbers_are_left_as_they_were(world: Path, tmp_path: Path, table: str) -> None:
    drawn = []
    for every in (1, 100):
        torch.manual_seed(5)
        np.random.seed(5)
        fit(world, tmp_path / str(every), make_callback(table, LightJudge(), every_n_steps=every), max_steps=1)
        drawn.append((float(torch.rand(1)), float(np.random.rand())))
    assert drawn[0] == drawn[1]


def test_a_judge_that_fails_costs_its_numbers_and_not_the_training(world: Path, tmp_path: Path, table: str) -> None:
    judge = LightJudge(fails_at=2)
    with pytest.warns(UserWarning, match="DPG-Bench is left out at this step: the server is away"):
        fit(world, tmp_path, make_callback(table, judge), max_steps=4)
    (only,) = dpg(logged(tmp_path))
    assert only == pytest.approx(expected(table, judge.seen[6:])), "the second evaluation, whole"


def test_ranks_share_the_prompts(world: Path, tmp_path: Path, table: str) -> None:
    scores = []
    for name, options in (("one", {}), ("two", {"devices": 2, "strategy": "ddp_fork"})):
        callback = make_callback(table, LightJudge(log=str(tmp_path / f"{name}.log")), every_n_steps=1)
        fit(world, tmp_path / name, callback, model={"learning_rate": 0.0}, max_steps=1, **options)
        scores.append(dpg(logged(tmp_path / name)))
    assert scores[0] == scores[1]
    assert len(scores[0]) == 1
    asked = [sorted((tmp_path / f"{name}.log").read_text().splitlines()) for name in ("one", "two")]
    assert asked[0] == asked[1]
    assert len(asked[0]) == 3 * 2 * 3


def test_the_same_items_are_chosen_whatever_the_order_and_fewer_are_among_more(tmp_path: Path, table: str) -> None:
    benchmark = read_benchmark(table)
    three = subset(benchmark, 3)
    turned = read_benchmark(save(tmp_path / "t.csv", [row(one, 1) for one in reversed(list(benchmark.items))]))
    assert set(subset(turned, 3).items) == set(three.items)
    assert set(subset(benchmark, 2).items) < set(three.items) < set(benchmark.items)
    assert subset(benchmark, 99).items == benchmark.items


def test_settings_that_cannot_be_are_refused_before_the_training(world: Path, tmp_path: Path, table: str) -> None:
    for name in ("every_n_steps", "items", "images", "size", "steps"):
        with pytest.raises(SettingsError, match=f"{name} is 0"):
            make_callback(table, LightJudge(), **{name: 0})
    with pytest.raises(SettingsError, match="evaluation during training: no weights"):
        fit(world, tmp_path, make_callback(table, LightJudge(model="unloadable")), max_steps=1)
    with pytest.raises(SettingsError, match=r"evaluation during training: .*nothing\.csv"):
        fit(world, tmp_path, make_callback(str(tmp_path / "nothing.csv"), LightJudge()), max_steps=1)
