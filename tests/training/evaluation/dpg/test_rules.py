"""Both rules on answers worked out by hand, and on random ones: legacy against the published rule spelt out slowly."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.evaluation.dpg.published import published
from tests.training.evaluation.dpg.tables import Row, draw, row, save
from training.evaluation.dpg.benchmark import Benchmark, read_benchmark
from training.evaluation.dpg.rules import Replies, fixed, legacy
from training.evaluation.scores import PromptScore, estimates


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


def benchmark_of(folder: Path, rows: list[Row]) -> Benchmark:
    return read_benchmark(save(folder / "table.csv", rows))


def replies_of(rows: list[Row], crops: list[dict[str, str]]) -> Replies:
    """Answers by `item proposition`, crop by crop."""
    items = dict.fromkeys(row["item_id"] for row in rows)
    return {
        item: [
            {
                row["question_natural_language"]: answers[f"{item} {row['proposition_id']}"]
                for row in rows
                if row["item_id"] == item
            }
            for answers in crops
        ]
        for item in items
    }


def percent(scores: list[PromptScore]) -> dict[str, float]:
    """Every score, pooled over items."""
    return {name: 100 * estimate.value for name, estimate in estimates(scores).items()}


HAND = [
    row("skipped", 1),
    row("a", 1, "0", "entity - whole"),
    row("a", 2, "1", "attribute - color"),
    row("a", 3, "2", "relation - spatial"),
    row("a", 4, "5", "attribute - size"),
    row("a", 5, "0", "entity - whole"),
]


def test_both_rules_on_answers_worked_out_by_hand(folder: Path) -> None:
    first = {"skipped 1": "yes", "a 1": "no", "a 2": "yes", "a 3": "yes", "a 4": "yes", "a 5": "no"}
    second = {"skipped 1": "no", "a 1": "yes", "a 2": "yes", "a 3": "Yes", "a 4": "yes", "a 5": "yes"}
    benchmark, replies = benchmark_of(folder, HAND), replies_of(HAND, [first, second])
    # First crop: 2 falls with 1, and 3 with 2; 4 stands before its parent and escapes, but is itself zeroed by 5's no,
    # since 5 has its score already. Second crop: "Yes" is not "yes".
    assert percent(legacy(benchmark, replies)) == pytest.approx(
        {
            "overall": 100 * (0 / 5 + 4 / 5) / 2,
            "level1/entity": 100.0,
            "level1/attribute": 100.0,
            "level1/relation": 0.0,
            "level2/entity - whole": 100.0,
            "level2/attribute - color": 100.0,
            "level2/attribute - size": 100.0,
            "level2/relation - spatial": 0.0,
        }
    )
    assert percent(fixed(benchmark, replies, 2)) == pytest.approx(
        {
            "overall": 100 * (1 / 2 + 4 / 10) / 2,
            "level1/entity": 100 * 3 / 6,
            "level1/attribute": 100 * 2 / 4,
            "level1/relation": 0.0,
            "level2/entity - whole": 100 * 3 / 6,
            "level2/attribute - color": 100 * 1 / 2,
            "level2/attribute - size": 100 * 1 / 2,
            "level2/relation - spatial": 0.0,
        }
    )


def test_a_child_before_a_zeroed_parent_escapes_legacy_alone(folder: Path) -> None:
    rows = [row("x", 1), row("a", 3, "2"), row("a", 2, "1"), row("a", 1)]
    answers = {"x 1": "yes", "a 1": "no", "a 2": "yes", "a 3": "yes"}
    benchmark, replies = benchmark_of(folder, rows), replies_of(rows, [answers])
    (item,) = legacy(benchmark, replies)
    assert item.parts["overall"] == (pytest.approx(1 / 3), 1), "3 was looked at while 2 still held"
    assert fixed(benchmark, replies, 1)[0].parts["overall"] == (0, 1)


def test_the_skipped_row_takes_its_item_along_where_it_is_looked_for(folder: Path) -> None:
    rows = [row("a", 1), row("a", 2), row("a", 3, "2,1"), row("b", 1)]
    benchmark = benchmark_of(folder, rows)
    answers = {"a 1": "yes", "a 2": "yes", "a 3": "yes", "b 1": "no"}
    assert [item.prompt_id for item in legacy(benchmark, replies_of(rows, [answers]))] == ["b"]
    # With 2 answered no, the script never comes to look for 1.
    spared = legacy(benchmark, replies_of(rows, [{**answers, "a 2": "no"}]))
    assert {item.prompt_id: item.parts["overall"][0] for item in spared} == {"a": 0.0, "b": 0.0}
    assert len(fixed(benchmark, replies_of(rows, [answers]), 1)) == 2


def test_an_item_that_comes_back_replaces_itself_in_legacy_alone(folder: Path) -> None:
    rows = [row("x", 1), row("a", 1), row("b", 1), row("a", 2)]
    benchmark = benchmark_of(folder, rows)
    replies = replies_of(rows, [{"x 1": "yes", "a 1": "no", "b 1": "yes", "a 2": "yes"}])
    assert {item.prompt_id: item.parts["overall"][0] for item in legacy(benchmark, replies)} == {"a": 1.0, "b": 1.0}
    assert {item.prompt_id: item.parts["overall"][0] for item in fixed(benchmark, replies, 1)} == {
        "a": 0.5, "b": 1.0, "x": 1.0,
    }  # fmt: skip


def test_an_item_without_an_image_counts_with_nothing_that_holds(folder: Path) -> None:
    rows = [row("x", 1), row("a", 1), row("a", 2), row("b", 1)]
    replies = {
        "a": [{row["question_natural_language"]: "yes" for row in rows if row["item_id"] == "a"}] * 4,
        "x": [{rows[0]["question_natural_language"]: "yes"}] * 4,
    }
    benchmark = benchmark_of(folder, rows)
    assert percent(fixed(benchmark, replies, 4)) == pytest.approx(
        {"overall": 200 / 3, "level1/entity": 75.0, "level2/entity - whole": 75.0}
    )
    assert [item.prompt_id for item in legacy(benchmark, replies)] == ["a"]


def test_a_number_that_comes_back_takes_its_first_place_in_legacy(folder: Path) -> None:
    rows = [row("x", 1), row("a", 1, "2", question="first?"), row("a", 2), row("a", 1, "0", question="last?")]
    benchmark = read_benchmark(save(folder / "table.csv", rows), allow_broken=True)
    answers = {"x": {rows[0]["question_natural_language"]: "yes"}}
    answers["a"] = {"first?": "yes", rows[2]["question_natural_language"]: "no", "last?": "yes"}
    replies = {item: [one] for item, one in answers.items()}
    expected = published(rows, ["a.png"], lambda item, _, question: answers[item][question], 1)
    assert 100 * legacy(benchmark, replies)[0].parts["overall"][0] == expected["overall"] == 50


def test_an_item_that_depends_on_nothing_there_is_dropped_by_legacy_alone(folder: Path) -> None:
    rows = [row("x", 1), row("a", 1), row("a", 2, "7")]
    benchmark = read_benchmark(save(folder / "table.csv", rows), allow_broken=True)
    replies = replies_of(rows, [{"x 1": "yes", "a 1": "yes", "a 2": "yes"}])
    assert legacy(benchmark, replies) == []
    assert fixed(benchmark, replies, 1)[0].parts["overall"] == (1, 1)


seeds = st.integers(0, 2**32)


def random_case(folder: Path, seed: int) -> tuple[list[Row], Benchmark, Replies, int]:
    generator = random.Random(seed)
    rows = draw(generator)
    crops = generator.randint(1, 4)
    replies = {
        item: [
            {
                row["question_natural_language"]: generator.choices(["yes", "no", "maybe"], [6, 3, 1])[0]
                for row in rows
                if row["item_id"] == item
            }
            for _ in range(crops)
        ]
        for item in dict.fromkeys(row["item_id"] for row in rows)
        if generator.random() < 0.9
    }
    return rows, benchmark_of(folder, rows), replies, crops


@settings(max_examples=150, deadline=None)
@given(seed=seeds)
def test_legacy_is_the_published_rule(folder: Path, seed: int) -> None:
    rows, benchmark, replies, crops = random_case(folder, seed)
    images = [f"{item}.png" for item in replies] + ["unknown.png"]
    random.Random(seed).shuffle(images)
    expected = published(rows, images, lambda item, crop, question: replies[item][crop][question], crops)
    got = percent(legacy(benchmark, replies))
    assert got.pop("overall", None) == pytest.approx(expected.pop("overall"), abs=1e-9)
    names = {f"{level}/{name}": value for level, values in expected.items() for name, value in values.items()}  # type: ignore[attr-defined]
    assert got == pytest.approx(names, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_fixed_knows_no_order_of_rows_or_crops(folder: Path, seed: int) -> None:
    rows, benchmark, replies, crops = random_case(folder, seed)
    generator = random.Random(seed)
    turned = {item: generator.sample(list(answers), crops) for item, answers in replies.items()}
    again = benchmark_of(folder, generator.sample(rows, len(rows)))
    assert fixed(again, turned, crops) == fixed(benchmark, replies, crops)
    assert estimates(fixed(again, turned, crops)) == estimates(fixed(benchmark, replies, crops))


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_fixed_is_what_the_answers_say_recursively(folder: Path, seed: int) -> None:
    rows, benchmark, replies, crops = random_case(folder, seed)
    by_id = {(row["item_id"], row["proposition_id"]): row for row in rows}

    def holds(item: str, number: str, answers: dict[str, str]) -> bool:
        row = by_id[item, number]
        parents = [parent.strip() for parent in row["dependency"].split(",")]
        return answers[row["question_natural_language"]] == "yes" and all(
            holds(item, parent, answers) for parent in parents if parent != "0"
        )

    for score in fixed(benchmark, replies, crops):
        numbers = [number for item, number in by_id if item == score.prompt_id]
        answers = replies.get(score.prompt_id, [])
        expected = [holds(score.prompt_id, number, dict(crop)) for crop in answers for number in numbers]
        assert score.parts["overall"][0] == pytest.approx(sum(expected) / (crops * len(numbers)))
