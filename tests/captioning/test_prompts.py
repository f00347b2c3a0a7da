"""Which prompt a sample gets."""

import pytest

from captioning.prompts import PROMPT, check_prompts, prompt_for

HINT = "Describe it. The web says: {alt_text}. Use {words}."


def test_one_prompt_is_everybodys() -> None:
    assert prompt_for("0011", "What is it?", "a cat", without_alt_text=PROMPT) == "What is it?"


def test_a_mix_is_decided_by_the_sample() -> None:
    mix = {"What is it?": 1.0, "Describe it.": 1.0}
    samples = [f"{number:016x}" for number in range(200)]
    chosen = [prompt_for(sample, mix, "", without_alt_text=PROMPT) for sample in samples]
    assert set(chosen) == set(mix)
    assert chosen == [prompt_for(sample, mix, "other", without_alt_text="Other.") for sample in samples]


def test_a_template_takes_the_alt_text_on_one_line() -> None:
    said = prompt_for("0011", HINT, " a {red}\n cat ", without_alt_text=PROMPT)
    assert said == "Describe it. The web says: a {red} cat. Use {words}."
    assert len(prompt_for("0011", "{alt_text}", "x" * 9999, without_alt_text=PROMPT)) == 400


@pytest.mark.parametrize("alt_text", ["", " \n"])
def test_an_image_without_alt_text_gets_the_other_prompt(alt_text: str) -> None:
    assert prompt_for("0011", HINT, alt_text, without_alt_text="What is it?") == "What is it?"


@pytest.mark.parametrize(
    ("prompt", "without", "message"),
    [
        (" ", PROMPT, "prompt is empty"),
        ({"Describe it.": 1.0, "": 1.0}, PROMPT, "prompt is empty"),
        (PROMPT, "", "prompt is empty"),
        ({}, PROMPT, "prompt: got weights"),
        ({PROMPT: -1.0}, PROMPT, "prompt: got weights"),
        (HINT, HINT, r"prompt_without_alt_text has \{alt_text\} in it"),
    ],
)
def test_prompts_that_leave_a_sample_without_one_are_refused(
    prompt: str | dict[str, float], without: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        check_prompts(prompt, without)


def test_prompts_that_work_are_taken() -> None:
    check_prompts({HINT: 0.5, PROMPT: 0.5}, PROMPT)
