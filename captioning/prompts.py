"""What a model is asked about an image: one prompt or a weighted mix, with the alt-text as a hint where it says so."""

from collections.abc import Mapping

from captioning.choice import check_weights, choose

PROMPT = "Describe this image in detail, and the description should be between 15 to 80 words."
"""Asks for what ELLA's captions have: 50 words on average."""

ALT_TEXT = "{alt_text}"
"""Where a prompt takes the image's alt-text."""
_MAX_ALT_TEXT = 400
"""Characters: some alt-texts are whole pages, and the model's context has its end."""


def prompt_for(sample_id: str, prompt: str | Mapping[str, float], alt_text: str, *, without_alt_text: str) -> str:
    """The prompt for one sample.

    Args:
        sample_id: decides which prompt of a mix it is, whatever the shard and the order.
        prompt: the prompt, or prompts and their weights.
        alt_text: stands where the prompt says `{alt_text}`, on one line and cut to 400 characters.
        without_alt_text: the prompt where one asks for an alt-text and the image has none.
    """
    chosen = prompt if isinstance(prompt, str) else choose(prompt, f"prompt {sample_id}")
    if ALT_TEXT not in chosen:
        return chosen
    hint = " ".join(alt_text.split())[:_MAX_ALT_TEXT].rstrip()
    return chosen.replace(ALT_TEXT, hint) if hint else without_alt_text


def check_prompts(prompt: str | Mapping[str, float], without_alt_text: str) -> None:
    """Make sure that every sample gets a prompt.

    Raises:
        ValueError: a prompt is empty, the weights allow none, or the prompt for images without alt-text asks for it.
    """
    if not isinstance(prompt, str):
        check_weights(prompt, "prompt")
    prompts = [prompt] if isinstance(prompt, str) else [*prompt]
    if not all(text.strip() for text in [*prompts, without_alt_text]):
        raise ValueError("prompt is empty: expected what the model is to be asked about every image")
    if ALT_TEXT in without_alt_text:
        raise ValueError(f"prompt_without_alt_text has {ALT_TEXT} in it: expected a prompt that needs none")
