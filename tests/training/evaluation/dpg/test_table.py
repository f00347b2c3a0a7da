"""The result as a table."""

from typing import Any

from training.evaluation.dpg.table import markdown, notes


def rule(overall: float | None, level1: dict[str, float], level2: dict[str, float], items: int = 2) -> dict[str, Any]:
    return {
        "items": items,
        "overall": overall,
        "level1": level1,
        "level2": level2,
        "intervals": {
            "overall": None if overall is None else [overall - 1, overall + 1],
            "level1": {name: [value - 2, value + 2] for name, value in level1.items()},
            "level2": {name: [value - 3, value + 3] for name, value in level2.items()},
        },
    }


def result(**changes: Any) -> dict[str, Any]:
    return {
        "items": 2,
        "missing": {},
        "unused_images": [],
        "broken": [],
        "answers": {"yes": 3, "no": 1, "neither": 0, "examples": {}},
        "fixed": rule(50.0, {"entity": 40.0, "global": 9.0}, {"entity - whole": 41.0, "global": 9.0}),
        "legacy": rule(60.125, {"entity": 70.0}, {"entity - whole": 71.0}),
        **changes,
    }


def test_rules_stand_side_by_side_with_details_under_their_category() -> None:
    assert markdown(result()).splitlines() == [
        "|  | fixed | 95 % | legacy | 95 % |",
        "| :-- | --: | --: | --: | --: |",
        "| **overall** | 50.00 | 49.00 to 51.00 | 60.12 | 59.12 to 61.12 |",
        "| **entity** | 40.00 | 38.00 to 42.00 | 70.00 | 68.00 to 72.00 |",
        "| entity - whole | 41.00 | 38.00 to 44.00 | 71.00 | 68.00 to 74.00 |",
        "| **global** | 9.00 | 7.00 to 11.00 | - |  |",
    ]


def test_a_rule_that_scored_nothing_shows_nothing() -> None:
    assert "| **overall** | 50.00 | 49.00 to 51.00 | - |  |" in markdown(result(legacy=rule(None, {}, {}, 0)))


def test_what_a_score_does_not_say_is_said_beside_it() -> None:
    assert notes(result()) == []
    answers = {"yes": 3, "no": 1, "neither": 4, "examples": {"perhaps": 3, "": 1}}
    odd = result(
        items=4,
        answers=answers,
        missing={"7": "no image"},
        unused_images=["x"],
        broken=["a", "b"],
        legacy=rule(1.0, {}, {}, items=1),
    )
    assert notes(odd) == [
        "4 of 8 answers are neither yes nor no, and count as no: 'perhaps' 3 times, '' 1 times.",
        "1 of 4 items have no readable image, and score 0 in `fixed` and nothing in `legacy`: 7.",
        "1 images belong to no item: x.",
        "2 faults of the table were passed over in `fixed`: a, b.",
        "`legacy` drops 2 of the items that have an image, as the published script does.",
    ]
