"""Where the sentences of a caption end."""

import re

_BOUNDARY = re.compile(r"""(?<=[.!?…])(?P<close>["')\]”’]*) (?=["'(\[“‘]*[A-Z0-9])""")
_ENDED = re.compile(r"""[.!?…]["')\]”’]*$""")
_ABBREVIATED = re.compile(
    r"""(?:^|[\s("'“‘])(?:[A-Z]|(?:[A-Za-z]\.)+[A-Za-z]|Mr|Mrs|Ms|Dr|St|Mt|Ft|No|Jr|Sr|Prof|Capt|Gen|Inc|Ltd|Co|vs|ca|e\.g|i\.e)\.$"""
)


def one_line(text: str | None) -> str | None:
    """`text` with every run of white space as one space; None where nothing is left."""
    return " ".join((text or "").split()) or None


def sentences(text: str) -> list[str]:
    """The sentences of a text on one line; joined by spaces they are the text again."""
    found, start = [], 0
    for boundary in _BOUNDARY.finditer(text):
        end = boundary.end("close")
        if _ABBREVIATED.search(text[start:end]):
            continue
        found.append(text[start:end])
        start = boundary.end()
    return [*found, text[start:]] if text[start:] else found


def is_whole(sentence: str) -> bool:
    """Whether `sentence` comes to its end: it stops with a mark that ends one, and not within an abbreviation."""
    return bool(_ENDED.search(sentence)) and not _ABBREVIATED.search(sentence)


def whole_sentences(text: str) -> str:
    """`text` up to the end of its last whole sentence; empty where it has none."""
    found = sentences(text)
    if found and not is_whole(found[-1]):
        found.pop()
    return " ".join(found)
