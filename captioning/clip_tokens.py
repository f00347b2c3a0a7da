"""The token ids of CLIP's tokenizer, equal to open_clip's own, an order of magnitude sooner.

No token of CLIP's reaches over white space, so a text's ids are those of its chunks between white space, one after
another; and captions repeat their chunks. A new chunk in ASCII is encoded by the Rust tokenizers, any other by
open_clip itself, whose Unicode tables are the standard here.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

CONTEXT = 77
"""Tokens that CLIP's text encoder takes, start and end included."""

_START_AND_END = 2
_MAX_CHUNKS = 1_000_000
"""Different chunks remembered; with more, all are forgotten, and memory stays bounded."""

_LONE = "‘’“”–—…àáâãäåçèéêëíîïñóôõöúûü"
"""Characters that are no mojibake where only ASCII stands beside them; of these, quotation marks are straightened."""
_PLAIN = re.compile(rf"[ -~]*(?:[{_LONE}](?![^ -~])[ -~]*)*")
_STRAIGHT = str.maketrans("‘’“”", "''\"\"")

_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class ClipTokenizer:
    """`open_clip.tokenizer.SimpleTokenizer.encode`, remembering every chunk it has met."""

    def __init__(self) -> None:
        self._chunks = _Chunks()

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, without start and end, not cut at what CLIP takes."""
        ids: list[int] = []
        for of_chunk in self._ids_by_chunk(text):
            ids += of_chunk
        return ids

    def count(self, text: str) -> int:
        """How many ids `text` has, start and end included."""
        return sum(map(len, self._ids_by_chunk(text))) + _START_AND_END

    def _ids_by_chunk(self, text: str) -> Iterator[tuple[int, ...]]:
        if len(self._chunks) > _MAX_CHUNKS:
            self._chunks = _Chunks()
        return map(self._chunks.__getitem__, self._chunks.clean(text).split())


def count_clip_tokens(text: str) -> int:
    """Tokens of CLIP's tokenizer, start and end included, not cut at the 77 that CLIP itself takes."""
    return clip_tokenizer().count(text)


@cache
def clip_tokenizer() -> ClipTokenizer:
    """The one of this process, with what it remembers."""
    return ClipTokenizer()


class _Chunks(dict[str, tuple[int, ...]]):
    """The ids of each chunk that was asked for."""

    def __init__(self) -> None:
        from open_clip.tokenizer import SimpleTokenizer

        super().__init__()
        self._open_clip = SimpleTokenizer()
        self._rust = _rust_tokenizer(self._open_clip)

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        # open_clip knows its two special tokens, <start_of_text> and <end_of_text>, in the midst of a text too.
        if chunk.isascii() and chunk.isprintable() and "_of_text>" not in chunk:
            ids = tuple(self._rust.encode(chunk, add_special_tokens=False).ids)
        else:
            ids = self._encode_cleaned(chunk)
        self[chunk] = ids
        return ids

    def _encode_cleaned(self, chunk: str) -> tuple[int, ...]:
        """What open_clip's `encode` does once a text is clean: to clean twice may give another text."""
        ids: list[int] = []
        for token in self._open_clip.pat.findall(chunk):
            symbols = "".join(self._open_clip.byte_encoder[byte] for byte in token.encode())
            ids += (self._open_clip.encoder[piece] for piece in self._open_clip.bpe(symbols).split(" "))
        return tuple(ids)

    def clean(self, text: str) -> str:
        """`text` as open_clip cleans it: mojibake and HTML entities resolved, in lower case."""
        if "&" not in text:  # nothing to resolve; the caller splits at white space
            if text.isascii() and text.isprintable():
                return text.lower()
            if _PLAIN.fullmatch(text):
                return text.translate(_STRAIGHT).lower()
        cleaned: str = self._open_clip.clean_fn(text)
        return cleaned


def _rust_tokenizer(open_clip: Any) -> Any:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    merges = list(open_clip.bpe_ranks)
    tokenizer = Tokenizer(models.BPE(vocab=open_clip.encoder, merges=merges, end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERN), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return tokenizer
