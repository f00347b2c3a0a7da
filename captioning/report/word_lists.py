"""The commonest words of each set of captions, by topic, as lists whose bars show how common each is."""

from collections.abc import Sequence
from html import escape

from captioning.report.content import TextSet
from captioning.statistics.top_words import Ranking

SHOWN = 10
"""Words of a topic."""


def top_words(texts: Sequence[TextSet]) -> str:
    """A block for each set of captions that has any words to show."""
    blocks = filter(None, (_block(row) for row in texts if row.is_caption))
    return "\n".join(["<p>Occurrences in a hundred texts.</p>", *blocks])


def _block(texts: TextSet) -> str:
    lists = "".join(_list(topic, words, texts.statistics.texts) for topic, words in texts.statistics.top_words.items())
    return f'<h3>{escape(texts.name)}</h3>\n<div class="topics">{lists}</div>' if lists else ""


def _list(topic: str, words: Ranking, texts: int) -> str:
    """One topic; nothing where none of its words occur."""
    ranked = words.words[:SHOWN]
    if not ranked:
        return ""
    most = ranked[0][1]
    rows = "".join(
        f'<li><span class="bar" style="width:{100 * count / most:.0f}%"></span>'
        f"<span>{escape(word)}</span> <b>{100 * count / texts:,.0f}</b></li>"
        for word, count in ranked
    )
    return f"<section><h4>{escape(topic.replace('_', ' '))}</h4><ol>{rows}</ol></section>"
