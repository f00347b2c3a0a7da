"""CogVLM and CogVLM2: an image and a question in, the next token's logits out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from captioning.cogvlm import checkpoint
from captioning.cogvlm.cache import KeyValueCache, Memory
from captioning.cogvlm.config import CogVLMConfig
from captioning.cogvlm.config_json import read_config, write_config
from captioning.cogvlm.language import DecoderLayer, RMSNorm
from captioning.cogvlm.layout import Layout
from captioning.cogvlm.processing import load_tokenizer
from captioning.cogvlm.rotary import rotation
from captioning.cogvlm.vision import Vision

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Backbone(nn.Module):
    """Embeddings, language layers and vision: all but the head, which is how the checkpoints name their tensors."""

    def __init__(self, config: CogVLMConfig) -> None:
        super().__init__()
        self.config = config
        self.layout = Layout(patches=config.num_patches)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.vision = Vision(config)

    def embed(self, pixels: Tensor, text: Tensor) -> Tensor:
        """(B, 3, S, S) and (B, L) -> (B, prefix + L, width), in the order of `Layout`."""
        bos = self.embed_tokens(text.new_full((len(text), 1), self.config.bos_token_id))
        return torch.cat([bos, self.vision(pixels), self.embed_tokens(text)], dim=1)

    def forward(
        self,
        x: Tensor,
        *,
        slots: Tensor | None = None,
        memories: Sequence[Memory] | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Run the language layers.

        Args:
            x: (B, T, width), sequences from their first slot on, or text that continues them.
            slots: (B, T) which slots of their sequences those are; None for the first T.
            memories: one a layer, see `cache.Memory`; None to attend to `x` alone.
            mask: (B, 1, T, keys), True where a slot attends; None for plain causal attention.

        Returns:
            (B, T, width).
        """
        image = self.layout.image if slots is None else None
        slots = torch.arange(x.shape[1], device=x.device)[None] if slots is None else slots
        turn = rotation(self.layout.positions(slots), self.config.head_dim, self.config.rotary_base)
        for index, layer in enumerate(self.layers):
            x = layer(x, image, turn, mask, None if memories is None else memories[index])
        out: Tensor = self.norm(x)
        return out


class CogVLM(nn.Module):
    """The whole model, with random weights until some are loaded.

    Args:
        config: its shape.
    """

    tokenizer: "PreTrainedTokenizerBase | None" = None
    """What `from_pretrained` was given, if anything."""

    def __init__(self, config: CogVLMConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Backbone(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return self.lm_head.weight.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.lm_head.weight.device

    @property
    def layout(self) -> Layout:
        """The slots of a sequence."""
        return self.model.layout

    def forward(self, pixels: Tensor, text: Tensor) -> Tensor:
        """Logits after every slot, without a cache.

        Args:
            pixels: (B, 3, S, S) images, as `processing.preprocess` makes them.
            text: (B, L) token ids that follow the image; shorter ones end in padding, whose logits mean nothing.

        Returns:
            (B, 3 + patches + L, vocabulary).
        """
        logits: Tensor = self.lm_head(self.model(self.model.embed(pixels, text)))
        return logits

    def prefill(self, pixels: Tensor, text: Tensor, lengths: Tensor, cache: KeyValueCache, rows: Tensor) -> Tensor:
        """Begin sequences in some rows of a cache.

        Args:
            pixels: (R, 3, S, S).
            text: (R, L) token ids, padded at their ends.
            lengths: (R,) ids of each text that are no padding.
            cache: of B rows.
            rows: (R,) those to fill.

        Returns:
            Logits (R, vocabulary) of the token that follows each text.
        """
        slots = self.layout.prefix + lengths
        hidden = self.model(self.model.embed(pixels, text), memories=cache.fill(rows, slots))  # (R, T, width)
        last = hidden[torch.arange(len(hidden), device=hidden.device), slots - 1]  # (R, width)
        logits: Tensor = self.lm_head(last)
        return logits

    def decode(self, tokens: Tensor, cache: KeyValueCache, window: int) -> Tensor:
        """Put one more token (B,) into each row of `cache`, at the row's length, which the caller then moves on.

        Args:
            tokens: (B,), one a row.
            cache: of B rows.
            window: slots of the cache to look at; at least one more than the longest row that matters has.

        Returns:
            Logits (B, vocabulary) of the token that follows.
        """
        x = self.model.embed_tokens(tokens[:, None])  # (B, 1, width)
        slots = cache.lengths[:, None]
        hidden = self.model(x, slots=slots, memories=cache.append(window), mask=cache.mask(window))
        logits: Tensor = self.lm_head(hidden[:, 0])
        return logits

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        *,
        tokenizer: str | None = None,
        dtype: torch.dtype = torch.bfloat16,
        device: str | torch.device = "cpu",
    ) -> "CogVLM":
        """Load a checkpoint in the published layout, ready for inference.

        Args:
            folder: holds config.json, and model.safetensors or its shards with an index.
            tokenizer: folder or hub name of the model's, which is then its `tokenizer`; None to do without.
            dtype: type of the weights in memory.
            device: where they go, tensor by tensor.

        Raises:
            ValueError: config or weights are missing, incomplete or not CogVLM's, or the tokenizer is another
                model's; the message says which.
        """
        config = read_config(folder)
        # Before the weights, which take minutes.
        loaded = None if tokenizer is None else load_tokenizer(tokenizer, folder=str(folder), config=config)
        with torch.device("meta"):
            model = cls(config)
        weights = checkpoint.load(folder, like=model.state_dict(), dtype=dtype, device=torch.device(device))
        model.load_state_dict(weights, assign=True)
        model.tokenizer = loaded
        return model.eval().requires_grad_(False)

    def save_pretrained(self, folder: str | Path, *, max_shard_size: int = 5_000_000_000) -> None:
        """Write config.json and the weights in the layout that `from_pretrained` reads.

        Args:
            folder: made if need be.
            max_shard_size: bytes; a file of weights is no larger, where its tensors allow.
        """
        Path(folder).mkdir(parents=True, exist_ok=True)
        write_config(self.config, folder)
        checkpoint.save(folder, self.state_dict(), max_shard_size=max_shard_size)
