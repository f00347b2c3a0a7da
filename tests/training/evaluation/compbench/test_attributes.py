import pytest

from tests.training.evaluation.compbench.reading import ArticleParser
from training.evaluation.compbench.attributes import fixed_score, published_score, questions


def test_each_thing_is_asked_for_in_lower_case_and_places_are_not() -> None:
    prompt = "The Red cup! on the left of a small table."
    assert questions(prompt, ArticleParser()) == ["the red cup?", "a small table?"]


def test_a_chunk_that_is_more_than_a_place_is_asked_for() -> None:
    assert questions("the left shoe", ArticleParser()) == ["the left shoe?"]


@pytest.mark.parametrize(
    ("yes", "score"),
    [
        ([], 1.0),
        ([0.5], 0.5),
        ([0.12344, 1.0], 0.1234),
        ([0.5, 0.33339], 0.1667),
        ([1.0] * 8 + [0.0], 1.0),  # the ninth is not asked for
        ([0.01, 0.004], 0.0),
    ],
)
def test_the_published_product_is_rounded_twice_and_ends_after_eight(yes: list[float], score: float) -> None:
    assert published_score(yes) == score


def test_the_fixed_product_has_everything_and_says_nothing_of_nothing() -> None:
    assert fixed_score([]) is None
    assert fixed_score([0.5, 0.25]) == 0.125
    assert fixed_score([1.0] * 8 + [0.5]) == 0.5
    assert fixed_score([0.01, 0.004]) == pytest.approx(4e-5)
