"""Ids one by one against open_clip's own, over texts that it cleans and texts that it does not."""

from functools import cache
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from open_clip.tokenizer import SimpleTokenizer

from benchmarks.varied_texts import PLAIN_WORDS, varied_texts
from captioning import clip_tokens
from captioning.clip_tokens import ClipTokenizer, count_clip_tokens

PIECES = [
    "a photo",
    " ",
    "&amp;",
    "&lt;",
    "&amp;amp;",
    "&#39;s",
    "'s",
    "'RE",
    "it's",
    "😀",
    "👩‍👩‍👧",
    "café",
    "Ã©",
    "â€™",
]
PIECES += [
    "ſ",
    "'ſ",
    "Σ",
    "İ",
    "ﬁ",
    "\n",
    "\t",
    "\x1c",
    "\x85",
    "\xa0",
    "\u3000",
    "<start_of_text>",
    "<END_OF_TEXT>",
    "_of_text>",
]
PIECES += ["日本語", "12,345.6", "²Ⅷ", "a\u0301", "&#x1F;", "#tag", "well-known", "...!?", "\ud800"]

tokenizer, open_clip = cache(ClipTokenizer), cache(SimpleTokenizer)


def test_varied_texts_have_open_clips_ids() -> None:
    for text in islice(varied_texts(PLAIN_WORDS.split(), seed=4), 400):
        assert tokenizer().encode(text) == open_clip().encode(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=8).map("".join))
def test_any_text_has_open_clips_ids(text: str) -> None:
    assert tokenizer().encode(text) == open_clip().encode(text)
    assert count_clip_tokens(text) == len(open_clip().encode(text)) + 2


def test_every_character_of_ascii_is_cleaned_as_open_clip_cleans_it() -> None:
    for code in range(128):
        text = f"A{chr(code)}b {chr(code)} {chr(code)}{chr(code)}"
        assert tokenizer().encode(text) == open_clip().encode(text)


LONE = list("‘’“”–—…éíãàÃÂ²£")
AROUND = ["a", "Z", " ", "'", '"', ".", "?!", "2", "$", "-", "wall", "Café"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(AROUND) | st.sampled_from(LONE), max_size=12).map("".join))
def test_characters_that_may_be_mojibake_are_cleaned_as_open_clip_cleans_them(text: str) -> None:
    assert tokenizer().encode(text) == open_clip().encode(text)


def test_characters_that_are_mojibake_together_are_resolved() -> None:
    """In UTF-8 these three bytes are one character, read as three of an older code."""
    for text in ("a é”“ b", "一只猫".encode().decode("windows-1252", errors="ignore"), "ã“” and ã“‘"):
        assert tokenizer().encode(text) == open_clip().encode(text)
    assert open_clip().clean_fn("a é”“ b") == "a 锓 b"


def test_lone_characters_are_cleaned_without_open_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "The dog’s “big” door – a naïve one…"
    expected = open_clip().encode(text)
    fresh = ClipTokenizer()
    monkeypatch.setattr(fresh._chunks._open_clip, "clean_fn", lambda _: pytest.fail("slow"))
    assert fresh.encode(text) == expected


@pytest.mark.parametrize(("text", "tokens"), [("", 2), ("a", 3), ("A photo!", 5), ("dog " * 100, 102)])
def test_clip_tokens_count_start_and_end_and_are_not_cut(text: str, tokens: int) -> None:
    assert count_clip_tokens(text) == tokens


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_tokens, "_MAX_CHUNKS", 50)
    tokenizer = ClipTokenizer()
    for number in range(120):
        assert tokenizer.count(f"word{number}é") == len(open_clip().encode(f"word{number}é")) + 2
        assert len(tokenizer._chunks) <= 51
