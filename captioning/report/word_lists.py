"""The commonest words of each set of captions, the names they lost and the texts that repeat, as lists with bars."""

from collections.abc import Sequence
from html import escape

from captioning.report.content import TextSet
from captioning.report.gallery import shorten
from captioning.statistics.repeated import RepeatedText
from captioning.statistics.top_words import Ranking

SHOWN = 10
"""Words of a topic."""
LONGEST = 300
"""Characters of a word or text: what strangers wrote without a space can be of any length."""


def top_words(texts: Sequence[TextSet]) -> str:
    """A block for each set of captions that has any words to show."""
    blocks = filter(None, (_block(row) for row in texts if row.is_caption))
    return "\n".join(["<p>Occurrences in a hundred texts.</p>", *blocks])


def lost_names(texts: Sequence[TextSet]) -> str:
    """The names that captions lost most often, a list for each set that lost any."""
    lists = "".join(
        _list_of(row.name, [(name, count, f"{count:,}") for name, count in row.overlap.lost.words[:SHOWN]])
        for row in texts
        if row.overlap
    )
    return f'<h3>Names of alt-texts that are lost</h3>\n<div class="topics">{lists}</div>' if lists else ""


def most_repeated(texts: Sequence[TextSet]) -> str:
    """The texts that occur most often, a list for each set in which any does so twice."""
    lists = "".join(
        _list_of(row.name, [(one.text, one.count, f"{one.count:,}{_more(one)}") for one in most])
        for row in texts
        if (most := row.statistics.duplicates.most_frequent[:SHOWN])
    )
    return f'<h3>Most frequent texts</h3>\n<div class="repeated">{lists}</div>' if lists else ""


def _more(text: RepeatedText) -> str:
    """What the count may be short by; where there are too many texts to count them all, rare ones are forgotten."""
    return f" to {text.count + text.short_by:,}" if text.short_by else ""


def _block(texts: TextSet) -> str:
    lists = "".join(_list(topic, words, texts.statistics.texts) for topic, words in texts.statistics.top_words.items())
    return f'<h3>{escape(texts.name)}</h3>\n<div class="topics">{lists}</div>' if lists else ""


def _list(topic: str, words: Ranking, texts: int) -> str:
    """One topic; nothing where none of its words occur."""
    ranked = words.words[:SHOWN]
    return _list_of(topic.replace("_", " "), [(word, count, f"{100 * count / texts:,.0f}") for word, count in ranked])


def _list_of(title: str, entries: Sequence[tuple[str, int, str]]) -> str:
    """Words or texts, each with a count that its bar shows and the number that stands beside it."""
    if not entries:
        return ""
    most = max(count for _, count, _ in entries)
    rows = "".join(
        f'<li><span class="bar" style="width:{100 * count / most:.0f}%"></span>'
        f"<span>{escape(shorten(text, LONGEST))}</span> <b>{shown}</b></li>"
        for text, count, shown in entries
    )
    return f"<section><h4>{escape(title)}</h4><ol>{rows}</ol></section>"
