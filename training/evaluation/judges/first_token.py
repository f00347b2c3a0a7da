"""How probable yes is beside no, from what a model expects its answer's first token to be."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from training.evaluation.judge import NO, YES


@dataclass(frozen=True, kw_only=True)
class YesNo:
    """The tokens that an answer may begin with.

    Args:
        yes: ids of those that begin a yes, however it is spelt.
        no: ids of those that begin a no.
    """

    yes: tuple[int, ...]
    no: tuple[int, ...]

    def probabilities(self, logits: Tensor) -> list[float | None]:
        """P(yes) / (P(yes) + P(no)) for logits (B, V); None where the vocabulary has no word for one of them."""
        if not (self.yes and self.no):
            return [None] * len(logits)
        yes, no = (logits.double()[:, list(ids)].logsumexp(1) for ids in (self.yes, self.no))  # (B,)
        values: list[float | None] = (yes - no).sigmoid().tolist()
        return values


def find_yes_no(tokenizer: Any) -> YesNo:
    """The tokens of a transformers tokenizer that are a whole yes or no."""
    return YesNo(yes=_tokens(tokenizer, YES), no=_tokens(tokenizer, NO))


def _tokens(tokenizer: Any, word: str) -> tuple[int, ...]:
    spelt = (word, word.capitalize(), word.upper())
    ids = (tokenizer(before + one, add_special_tokens=False)["input_ids"] for one in spelt for before in ("", " "))
    found = {one[0] for one in ids if len(one) == 1}
    # An unknown word is one token too, and a letter that a tokenizer does not know may vanish.
    return tuple(sorted(token for token in found if tokenizer.decode([token]).strip().lower() == word))
