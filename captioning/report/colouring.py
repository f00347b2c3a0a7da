"""A text in pieces, those that are nouns, adjectives, adverbs or prepositions marked, to be shown in colour."""

from captioning.part_of_speech import tags

Piece = tuple[str, str]
"""Some of a text, and its class: "nn", "jj", "in", or "" for what has no colour."""


def pieces(text: str) -> list[Piece]:
    """`text` cut at its marked words; the pieces put together are the text again.

    Raises:
        LookupError, PermissionError: NLTK's data is missing or refused; see `captioning.part_of_speech`.
    """
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters grow in lower case, and places would not agree
        return [(text, "")]
    result: list[Piece] = []
    end = 0
    for token, tag in tags(text):
        kind = _kind(tag)
        start = lowered.find(token, end) if kind else -1
        if start < 0:
            continue
        result += [(text[end:start], ""), (text[start : start + len(token)], kind)]
        end = start + len(token)
    return [piece for piece in [*result, (text[end:], "")] if piece[0]]


def _kind(tag: str) -> str:
    """The paper's three columns: its second counts adjectives and adverbs together."""
    if tag.startswith("NN"):
        return "nn"
    if tag.startswith(("JJ", "RB")):
        return "jj"
    return "in" if tag == "IN" else ""
