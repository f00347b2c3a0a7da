"""Scores pooled over prompts."""

import random

import pytest

from training.evaluation.scores import Part, PromptScore, differences, estimates, values


def prompt(name: str, **parts: Part) -> PromptScore:
    return PromptScore(prompt_id=name, parts=parts)


def test_a_score_is_the_sum_of_what_prompts_add_over_how_much_there_is() -> None:
    result = estimates([prompt("a", all=(1, 2), some=(1, 1)), prompt("b", all=(1, 6))])
    assert {name: estimate.value for name, estimate in result.items()} == {"all": 0.25, "some": 1.0}
    assert values([prompt("a", all=(1, 2), some=(1, 1)), prompt("b", all=(1, 6))]) == {"all": 0.25, "some": 1.0}
    assert result["all"].low == pytest.approx(1 / 6)
    assert result["all"].high == pytest.approx(1 / 2)
    assert (result["some"].low, result["some"].high) == (1, 1)


def test_the_order_of_prompts_changes_no_interval() -> None:
    prompts = [prompt(str(number), all=(number % 7, 9), odd=(number % 2, 1)) for number in range(40)]
    shuffled = random.Random(0).sample(prompts, 40)
    assert estimates(shuffled, seed=3) == estimates(prompts, seed=3)


def test_no_prompts_no_scores() -> None:
    assert estimates([]) == values([]) == {}
    assert differences([], [prompt("a", all=(1, 1))]) == ({}, 0)


def test_a_difference_is_over_the_prompts_and_scores_that_both_have() -> None:
    first = [prompt("a", all=(0, 1), old=(1, 1)), prompt("b", all=(1, 1)), prompt("only first", all=(0, 1))]
    second = [prompt("b", all=(1, 1)), prompt("a", all=(1, 1), new=(1, 1)), prompt("only second", all=(0, 1))]
    result, shared = differences(first, second)
    assert shared == 2
    assert list(result) == ["all"]
    assert result["all"].value == 0.5
    assert (result["all"].low, result["all"].high) == (0, 1)
