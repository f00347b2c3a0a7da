"""Tokenizers for the small models: those of Vicuna, CLIP and T5, with vocabularies learnt from captions.

They are learnt here and not by the tokenizers library, whose trainers break ties by chance: same texts, same bytes.
"""

import math
import re
import string
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

_CHARACTERS = [*string.ascii_letters, *string.digits, *string.punctuation]
"""In every vocabulary, so that any English text can be encoded."""

_MERGES = 400
_SPACE = "▁"
_END_OF_WORD = "</w>"

Pair = tuple[str, str]


def save_llama(folder: Path, texts: Sequence[str]) -> int:
    """Byte pairs as Vicuna has them: <unk> 0, which also pads, <s> 1, </s> 2. Returns the size of the vocabulary."""
    from transformers import LlamaTokenizer

    words = Counter((_SPACE, *word) for text in texts for word in text.split())
    merges = byte_pairs(words, _MERGES)
    tokens = ["<unk>", "<s>", "</s>", _SPACE, *_CHARACTERS, *map("".join, merges)]
    vocabulary = _numbered(tokens)
    LlamaTokenizer(vocab=vocabulary, merges=merges, pad_token="<unk>").save_pretrained(folder)
    return len(vocabulary)


def save_clip(folder: Path, texts: Sequence[str]) -> int:
    """Byte pairs in lower case, 77 tokens at most: start 0, end 1, which also pads. Returns the vocabulary's size."""
    from transformers import CLIPTokenizer

    pieces = (piece for text in texts for piece in re.findall(r"[a-z]+|\d|[^\sa-z\d]+", text.lower()))
    merges = byte_pairs(Counter((*piece[:-1], piece[-1] + _END_OF_WORD) for piece in pieces), _MERGES)
    characters = [character for character in _CHARACTERS if character not in string.ascii_uppercase]
    endings = [character + _END_OF_WORD for character in characters]
    tokens = ["<|startoftext|>", "<|endoftext|>", *characters, *endings, *map("".join, merges)]
    vocabulary = _numbered(tokens)
    pairs: list[Any] = list(merges)  # annotated as strings there, and read as pairs
    CLIPTokenizer(vocab=vocabulary, merges=pairs, model_max_length=77).save_pretrained(folder)
    return len(vocabulary)


def save_t5(folder: Path, texts: Sequence[str]) -> int:
    """A unigram model of characters and whole words: <pad> 0, </s> 1 after every text, <unk> 2. Returns its size."""
    from transformers import T5Tokenizer

    words = Counter(_SPACE + word for text in texts for word in re.findall(r"\w+", text))
    total = words.total()
    specials = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    rare = math.log(1 / total) - 1.0  # a character costs more than the rarest word
    characters = [(character, rare) for character in [_SPACE, *_CHARACTERS]]
    known = [(word, math.log(count / total)) for word, count in sorted(words.items()) if len(word) > 1]
    vocabulary = [*specials, *characters, *known]
    T5Tokenizer(vocab=vocabulary, extra_ids=0).save_pretrained(folder)
    return len(vocabulary)


def byte_pairs(words: Counter[tuple[str, ...]], limit: int) -> list[Pair]:
    """The pairs that byte-pair encoding merges, in order: always the most frequent, the last in the alphabet of equals.

    Args:
        words: how often each word occurs, as its symbols.
        limit: most merges to learn; fewer where the words have become one symbol each.
    """
    merges: list[Pair] = []
    for _ in range(limit):
        pairs: Counter[Pair] = Counter()
        for symbols, count in words.items():
            for pair in pairwise(symbols):
                pairs[pair] += count
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        words = _merged(words, best)
    return merges


def _merged(words: Counter[tuple[str, ...]], pair: Pair) -> Counter[tuple[str, ...]]:
    merged: Counter[tuple[str, ...]] = Counter()
    for symbols, count in words.items():
        out: list[str] = []
        for symbol in symbols:
            if out and (out[-1], symbol) == pair:
                out[-1] += symbol
            else:
                out.append(symbol)
        merged[tuple(out)] += count
    return merged


def _numbered(tokens: Sequence[str]) -> dict[str, int]:
    return {token: number for number, token in enumerate(dict.fromkeys(tokens))}
