"""Which token a connector looks at when: figure 8 of the ELLA paper, as numbers.

The attention of the learnt queries to each text token at each timestep, averaged over queries and heads.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.connectors import Connector
from training.errors import SettingsError
from training.text_encoder import TextEncoder

_WORD_STARTS = ("▁", "Ġ")
"""What SentencePiece and byte-level tokenizers write for the space before a word."""


@dataclass(frozen=True, kw_only=True)
class AttentionMap:
    """How much of its attention a connector spends on each token of a prompt.

    Args:
        prompt: the text.
        tokens: its L tokens, as the language model's tokenizer has them.
        timesteps: T of them, from noise to image.
        weights: (K, T, L) for K blocks; a row's sum is what the queries do not spend on each other or on padding.
    """

    prompt: str
    tokens: list[str]
    timesteps: list[int]
    weights: Tensor

    @property
    def labels(self) -> list[str]:
        """The tokens without the mark of a word's start; `_` for a space alone."""
        return [token.lstrip("".join(_WORD_STARTS)) or "_" for token in self.tokens]

    def relative(self, block: int | None = None) -> Tensor:
        """Shares (T, L), each token's of its own maximum over timesteps.

        Args:
            block: one of the connector's blocks, from 0; None: the mean over all.
        """
        weights = self.weights.mean(dim=0) if block is None else self.weights[block]
        return weights / weights.amax(dim=0, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON, with the shares of the mean over blocks."""
        return {
            "prompt": self.prompt,
            "tokens": self.tokens,
            "timesteps": self.timesteps,
            "relative": self.relative().tolist(),
            "weights": self.weights.tolist(),
        }


@torch.no_grad()
def attention_map(
    connector: Connector, text_encoder: TextEncoder, prompt: str, timesteps: Sequence[int]
) -> AttentionMap:
    """Ask `connector` for `prompt` at `timesteps`, and note where its queries look.

    Raises:
        SettingsError: the prompt has no token, the connector has no attention, or the two models do not fit.
    """
    if connector.text_width != text_encoder.width:
        raise SettingsError(
            f"the text encoder gives {text_encoder.width} channels and the connector reads {connector.text_width}: "
            "take the text encoder that the connector was trained with"
        )
    ids = text_encoder.tokenizer(prompt, truncation=True, max_length=text_encoder.length)["input_ids"]
    if not prompt.strip() or not ids:
        raise SettingsError("the prompt is empty: expected a text whose tokens are to be looked at")
    text = text_encoder([prompt])
    features = text.features.expand(len(timesteps), -1, -1)  # (T, L, D)
    mask = None if text.mask is None else text.mask.expand(len(timesteps), -1)
    with watched(connector) as seen:
        connector(features, torch.tensor(timesteps, device=features.device), mask)
    return AttentionMap(
        prompt=prompt,
        tokens=text_encoder.tokenizer.convert_ids_to_tokens(ids),
        timesteps=list(timesteps),
        weights=torch.stack(seen)[..., : len(ids)].float().cpu(),  # (K, T, L)
    )


@contextmanager
def watched(connector: Connector) -> Iterator[list[Tensor]]:
    """Within the block, every forward pass of `connector` adds to the list a tensor (B, L) for each of its blocks.

    The forward pass itself stays as it is: each attention is computed a second time, with its weights.

    Raises:
        SettingsError: the connector has no attention to watch.
    """
    attentions = [module for module in connector.modules() if isinstance(module, nn.MultiheadAttention)]
    if not attentions:
        raise SettingsError(f"a {type(connector).__name__} has no attention; expected a connector with queries")
    seen: list[Tensor] = []

    def look(module: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Any], output: object) -> None:
        asked = {**kwargs, "need_weights": True, "average_attn_weights": True}
        with torch.no_grad():
            _, weights = module.forward(*args, **asked)  # not called, so that no hook sees it; (B, N, N + L)
        seen.append(weights[..., weights.shape[1] :].mean(dim=1))  # the queries' keys come first

    with ExitStack() as hooks:
        for attention in attentions:
            hooks.callback(attention.register_forward_hook(look, with_kwargs=True).remove)
        yield seen


def spread_timesteps(count: int, end: int = 1000) -> list[int]:
    """`count` timesteps from `end` - 1, the noisiest, to 0, evenly spread.

    Raises:
        SettingsError: fewer than 2, or more than there are.
    """
    if not 2 <= count <= end:
        raise SettingsError(f"steps: got {count}, expected 2 to {end}")
    return [round((end - 1) * (1 - number / (count - 1))) for number in range(count)]
