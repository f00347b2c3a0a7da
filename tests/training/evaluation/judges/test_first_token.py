"""Probabilities of yes beside no."""

import math

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from training.evaluation.judges.first_token import YesNo, find_yes_no


def tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    inner = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>")


def test_every_spelling_that_is_one_token_counts() -> None:
    assert find_yes_no(tokenizer(["<unk>", "yes", "No", "YES", "no", "yesterday"])) == YesNo(yes=(1, 3), no=(2, 4))


def test_a_word_of_several_tokens_counts_for_nothing() -> None:
    pieces = Tokenizer(models.BPE({"y": 0, "e": 1, "s": 2, "n": 3, "o": 4, "no": 5}, [("n", "o")]))
    assert find_yes_no(PreTrainedTokenizerFast(tokenizer_object=pieces)) == YesNo(yes=(), no=(5,))


def test_probabilities_are_pooled_over_spellings() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.5, 9.0], [800.0, -800.0, 0.0, 0.0]])
    first, second = YesNo(yes=(0, 1), no=(2,)).probabilities(logits)
    yes, no = math.exp(2) + math.exp(1), math.exp(0.5)
    assert first == pytest.approx(yes / (yes + no))
    assert second == 1.0
    assert YesNo(yes=(0,), no=()).probabilities(logits) == [None, None]
