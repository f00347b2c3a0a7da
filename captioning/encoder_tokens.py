"""How many tokens a text has for a text encoder that is named: only its tokenizer is loaded, never its weights."""

import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

ELLA_TOKENS = 128
"""Tokens of a text that ELLA's connector is given; longer texts are cut."""

_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_SECONDS = 10


class EncoderTokenizer:
    """Counts tokens as the text encoder at `path` would be given them, its special tokens included.

    Args:
        path: folder with the tokenizer's files, or name on the Hugging Face hub: `google/flan-t5-xl`.

    Raises:
        ValueError: there is no fast tokenizer.
    """

    def __init__(self, path: str) -> None:
        self._tokenizer = _load(path)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, however many."""
        if not texts:
            return []
        # What UTF-8 cannot say, half a surrogate pair, no Rust tokenizer takes.
        clean = [text.encode(errors="replace").decode() for text in texts]
        found = self._tokenizer(clean, return_attention_mask=False, truncation=False, padding=False, verbose=False)
        return list(map(len, found["input_ids"]))


@cache
def encoder_tokenizer(path: str) -> EncoderTokenizer:
    """The one of this process.

    Raises:
        ValueError: there is no fast tokenizer.
    """
    return EncoderTokenizer(path)


def short_name(path: str) -> str:
    """The last part of a folder or a hub name: `flan-t5-xl`."""
    return path.rstrip("/").rpartition("/")[2] or path


def _load(path: str) -> Any:
    try:
        tokenizer = _local_or_fetched(path)
    except (OSError, ValueError, TypeError, ImportError) as error:
        reason = (
            str(error).strip().partition("\n")[0].rstrip(" :")
        )  # the library's messages have many lines; the first says it
        raise ValueError(
            f"text encoder {path!r}: no tokenizer there; expected a folder with tokenizer.json or spiece.model, or a "
            f"name on the Hugging Face hub ({reason})"
        ) from error
    if not tokenizer.is_fast or len(tokenizer.get_vocab().keys() - set(tokenizer.all_special_tokens)) < 2:
        # Where no tokenizer file is, the library makes one up that knows no word and complains of nothing.
        raise ValueError(f"text encoder {path!r}: no fast tokenizer there; expected its tokenizer.json or spiece.model")
    return tokenizer


def _local_or_fetched(path: str) -> Any:
    """What is on disk, in a folder or in the hub's cache, before anything is asked of the network."""
    from huggingface_hub import constants
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError):
        if Path(path).exists() or constants.HF_HUB_OFFLINE or not _HUB_NAME.fullmatch(path):
            raise
    with suppress(HTTPError):  # any answer will do; without one the library would try for minutes
        urlopen(constants.ENDPOINT, timeout=_SECONDS).close()
    return AutoTokenizer.from_pretrained(path, trust_remote_code=False)
