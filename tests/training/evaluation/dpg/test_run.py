"""A whole evaluation: images drawn, looked at, scored by both rules, against scores worked out from the colours."""

import json
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.training.evaluation.dpg.published import published
from tests.training.evaluation.dpg.tables import CATEGORIES, Row, row, save
from tests.training.evaluation.looking import CHANNELS, LookingJudge, save_grid
from training.evaluation.answers import FILE as ANSWERS
from training.evaluation.dpg.benchmark import read_benchmark
from training.evaluation.dpg.images import Protocol, find
from training.evaluation.dpg.run import FILE, PROMPTS, evaluate
from training.evaluation.prompt_scores import read_prompt_scores

COLOURS = ["red", "green", "blue", "grey"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row], dict[str, list[str]]]:
    """Images in random colours, and questions about them, of which some depend on the one before."""
    folder = tmp_path_factory.mktemp("dpg")
    generator = random.Random(1)
    (folder / "images").mkdir()
    drawn = {str(item): generator.choices(COLOURS, [3, 1, 1, 1], k=4) for item in range(8)}
    for item, colours in drawn.items():
        save_grid(folder / "images" / f"{item}.png", colours)
    rows = [
        row(item, number, generator.choice(["0", str(number - 1)]), generator.choice(CATEGORIES), question)
        for item in drawn
        for number, question in enumerate(generator.sample(["red?", "green?", "blue?", "red, is it?", "what?"], 3), 1)
    ]
    save(folder / "t.csv", rows)
    return folder, rows, drawn


def run(
    world: tuple[Path, list[Row], dict[str, list[str]]],
    output: Path,
    judge: LookingJudge,
    workers: int = 1,
    **protocol: int,
) -> dict:  # type: ignore[type-arg]
    folder = world[0]
    benchmark = read_benchmark(str(folder / "t.csv"))
    rules = Protocol(**{"resolution": 8, **protocol})  # type: ignore[arg-type]
    return evaluate(
        find(str(folder / "images"), benchmark, rules), benchmark, judge, str(output), protocol=rules, workers=workers
    )


def said(drawn: dict[str, list[str]], item: str, crop: int, question: str) -> str:
    colour = next((colour for colour in CHANNELS if colour in question), None)
    return "perhaps" if colour is None else "yes" if drawn[item][crop] == colour else "no"


@pytest.mark.parametrize("crops", [1, 4])
def test_both_scores_are_those_of_the_colours(
    world: tuple[Path, list[Row], dict[str, list[str]]], tmp_path: Path, crops: int
) -> None:
    _, rows, drawn = world
    result = run(world, tmp_path, LookingJudge(batch_size=5), crops=crops)
    expected = published(rows, [f"{item}.png" for item in drawn], lambda *asked: said(drawn, *asked), crops)
    for name, value in expected.items():
        assert result["legacy"][name] == pytest.approx(value, abs=1e-9)

    by_item = {item: {one["proposition_id"]: one for one in rows if one["item_id"] == item} for item in drawn}

    def holds(item: str, crop: int, one: Row) -> bool:
        parent = one["dependency"]
        return said(drawn, item, crop, one["question_natural_language"]) == "yes" and (
            parent == "0" or holds(item, crop, by_item[item][parent])
        )

    held = [(one, holds(one["item_id"], crop, one)) for one in rows for crop in range(crops)]
    assert result["fixed"]["overall"] == pytest.approx(100 * sum(z for _, z in held) / len(held)), "3 questions an item"
    for category in {one["tuple"].partition(" (")[0] for one in rows}:
        values = [z for one, z in held if one["tuple"].startswith(f"{category} (")]
        assert result["fixed"]["level2"][category] == pytest.approx(100 * sum(values) / len(values))
    low, high = result["fixed"]["intervals"]["overall"]
    assert low < result["fixed"]["overall"] < high


def test_the_files_hold_what_is_printed(world: tuple[Path, list[Row], dict[str, list[str]]], tmp_path: Path) -> None:
    _, rows, drawn = world
    result = run(world, tmp_path, LookingJudge())
    assert json.loads((tmp_path / FILE).read_text()) == result
    asked = {(*drawn[one["item_id"]], one["question_natural_language"]) for one in rows}
    assert pq.read_table(tmp_path / ANSWERS).num_rows == len(asked) * 4, "two images that are the same are asked once"
    answers = result["answers"]
    assert answers["neither"] == 4 * sum(one["question_natural_language"] == "what?" for one in rows)
    assert answers["examples"] == {"perhaps": answers["neither"]}
    assert sum(answers[name] for name in ("yes", "no", "neither")) == len(rows) * 4
    scores = read_prompt_scores(str(tmp_path / PROMPTS))
    assert [one.prompt_id for one in scores.rules["fixed"]] == sorted(drawn)
    mean = sum(one.parts["overall"][0] for one in scores.rules["fixed"]) / len(drawn)
    assert 100 * mean == pytest.approx(result["fixed"]["overall"])
    assert scores.prompts["3"].text == "prompt of 3"
    assert Path(scores.prompts["3"].image or "").name == "3.png"


def test_a_second_run_asks_nothing_and_gives_the_same_bytes(
    world: tuple[Path, list[Row], dict[str, list[str]]], tmp_path: Path
) -> None:
    first = LookingJudge(log=str(tmp_path / "log"), batch_size=7)
    run(world, tmp_path / "out", first)
    asked = (tmp_path / "log").read_text()
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    run(world, tmp_path / "out", first, workers=2)
    run(world, tmp_path / "out", first, crops=1)
    assert (tmp_path / "log").read_text() == asked
    run(world, tmp_path / "out", LookingJudge(threads=True), workers=3)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_missing_images_count_in_fixed_and_are_listed(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    save_grid(tmp_path / "images" / "a.png", ["red"] * 4)
    rows = [row("x", 1), row("a", 1, question="red?"), row("b", 1, question="red?")]
    save(tmp_path / "t.csv", rows)
    world = (tmp_path, rows, {"a": ["red"] * 4})
    result = run(world, tmp_path / "out", LookingJudge(), allow_missing=True)
    assert result["missing"] == {"b": "no image", "x": "no image"}
    assert result["fixed"]["overall"] == pytest.approx(100 / 3)
    assert (result["legacy"]["overall"], result["legacy"]["items"]) == (100, 1)
