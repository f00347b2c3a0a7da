"""Alt-text: whatever was crawled becomes text that can be written."""

from hypothesis import given
from hypothesis import strategies as st

from curation.download.alt_text import MAX_CHARACTERS, clean_alt_text


def test_clean_alt_text() -> None:
    assert clean_alt_text(None) is None
    assert clean_alt_text("") == ""
    assert clean_alt_text(b"caf\xc3\xa9 \xff!") == "café \ufffd!"
    assert clean_alt_text("a\x00b\u202ec\ud800d\ufeff\te\nf") == "abcd\te\nf"
    assert clean_alt_text("  emoji 👩\u200d🎨 \u200bkept ") == "emoji 👩\u200d🎨 \u200bkept"
    assert clean_alt_text("x" * 1_000_000) == "x" * MAX_CHARACTERS


@given(st.binary(max_size=60) | st.text(st.characters(), max_size=60))
def test_anything_becomes_clean_and_stays_so(raw: bytes | str) -> None:
    cleaned = clean_alt_text(raw)
    assert cleaned is not None
    assert "\x00" not in cleaned
    assert cleaned.encode().decode() == cleaned == clean_alt_text(cleaned)
