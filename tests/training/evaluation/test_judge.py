"""What all judges have in common."""

import json
from dataclasses import replace

import pytest

from tests.training.evaluation.looking import LookingJudge
from training.evaluation.judge import check_pairs, yes_or_no


def test_an_identity_is_the_settings_and_not_the_speed() -> None:
    judge = LookingJudge(model="m")
    assert json.loads(judge.identity) == {"class": "LookingJudge", "model": "m"}
    assert replace(judge, batch_size=7).identity == judge.identity
    assert replace(judge, model="n").identity != judge.identity


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("yes", "yes"), ("Yes, it is.", "yes"), (" NO!", "no"), ("**No**", "no"), ("\nyes", "yes"),
        ("yesterday", "yesterday"), ("not at all", "not at all"), (" I cannot say. ", "I cannot say."), ("", ""),
        ("It is: yes", "It is: yes"),
    ],
)  # fmt: skip
def test_a_chatty_reply_is_reduced_to_its_first_word_where_that_decides(reply: str, said: str) -> None:
    assert yes_or_no(reply) == said


def test_every_image_needs_a_question() -> None:
    check_pairs([], [])
    with pytest.raises(ValueError, match="0 images and 1 questions"):
        check_pairs([], ["?"])
