"""Intervals against what is known of them."""

import numpy as np
import pytest

from training.evaluation.bootstrap import intervals, paired_intervals, ratios


def test_ratios_are_pooled() -> None:
    sums, counts = np.array([[1.0, 0.0], [3.0, 0.0]]), np.array([[2.0, 0.0], [10.0, 0.0]])
    values = ratios(sums, counts)
    assert values[0] == pytest.approx(4 / 12)
    assert np.isnan(values[1])


def test_an_interval_of_a_mean_is_the_normal_one_for_many_prompts() -> None:
    values = np.random.default_rng(1).normal(3, 2, (400, 1))
    (interval,) = intervals(values, np.ones_like(values))
    error = values.std() / np.sqrt(len(values)) * 1.959964  # of the normal distribution
    assert interval == pytest.approx([values.mean() - error, values.mean() + error], abs=error * 0.06)


def test_the_same_seed_gives_the_same_interval_and_another_another() -> None:
    values = np.random.default_rng(2).random((30, 2))
    first = intervals(values, np.ones_like(values), seed=5)
    assert (first == intervals(values, np.ones_like(values), seed=5)).all()
    assert (first != intervals(values, np.ones_like(values), seed=6)).any()


def test_prompts_that_all_score_alike_leave_no_doubt() -> None:
    ones = np.ones((20, 1))
    assert intervals(0.25 * ones, ones).tolist() == [[0.25, 0.25]]


def test_a_score_that_few_prompts_have_keeps_its_interval_and_one_that_none_has_gets_none() -> None:
    sums, counts = np.zeros((10, 2)), np.zeros((10, 2))
    sums[0, 0], counts[0, 0] = 3, 4
    bounds = intervals(sums, counts)
    assert bounds[0].tolist() == [0.75, 0.75]
    assert np.isnan(bounds[1]).all()


def test_pairing_takes_away_what_makes_a_prompt_hard_for_both() -> None:
    generator = np.random.default_rng(3)
    hard = generator.normal(0, 5, (200, 1))
    first, second = hard + 0.01 * generator.random((200, 1)), hard + 1
    ones = np.ones_like(hard)
    (paired,) = paired_intervals((first, ones), (second, ones))
    assert paired[0] < 0.995 < paired[1]
    assert paired[1] - paired[0] < 0.01
    alone = intervals(second, ones)[0]
    assert alone[1] - alone[0] > 1


def test_runs_of_other_prompts_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="expected the same prompts"):
        paired_intervals((np.ones((3, 1)),) * 2, (np.ones((4, 1)),) * 2)
