"""Questions in prompts."""

import pytest

from training.evaluation.judges.prompt import YES_OR_NO, check_prompt, fill


def test_a_question_takes_its_place_whatever_braces_it_has() -> None:
    assert fill(YES_OR_NO, "Is {it} red?") == "Is {it} red? Answer with yes or no."


def test_a_prompt_without_a_place_is_refused() -> None:
    check_prompt(YES_OR_NO)
    with pytest.raises(ValueError, match=r"prompt is 'what\?': expected \{question\} somewhere in it"):
        check_prompt("what?")
