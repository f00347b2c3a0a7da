"""How a question is put to a model."""

QUESTION = "{question}"
YES_OR_NO = f"{QUESTION} Answer with yes or no."


def fill(prompt: str, question: str) -> str:
    """`prompt` with the question in it."""
    return prompt.replace(QUESTION, question)


def check_prompt(prompt: str) -> None:
    """Make sure that a prompt has a place for the question.

    Raises:
        ValueError: it has none.
    """
    if QUESTION not in prompt:
        raise ValueError(f"prompt is {prompt!r}: expected {QUESTION} somewhere in it")
