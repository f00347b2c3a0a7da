"""CogVLM and CogVLM2: an image and a question in, the next token's logits out."""

from pathlib import Path

import torch
from torch import Tensor, nn

from captioning.cogvlm import checkpoint
from captioning.cogvlm.cache import KeyValueCache
from captioning.cogvlm.config import CogVLMConfig
from captioning.cogvlm.config_json import read_config, write_config
from captioning.cogvlm.language import DecoderLayer, RMSNorm
from captioning.cogvlm.layout import Layout
from captioning.cogvlm.rotary import rotation
from captioning.cogvlm.vision import Vision


class Backbone(nn.Module):
    """Embeddings, language layers and vision: all but the head, which is how the checkpoints name their tensors."""

    def __init__(self, config: CogVLMConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.vision = Vision(config)

    def embed(self, pixels: Tensor, text: Tensor) -> Tensor:
        """(B, 3, S, S) and (B, L) -> (B, prefix + L, width), in the order of `Layout`."""
        bos = self.embed_tokens(text.new_full((len(text), 1), self.config.bos_token_id))
        return torch.cat([bos, self.vision(pixels), self.embed_tokens(text)], dim=1)

    def forward(self, x: Tensor, layout: Layout, cache: KeyValueCache | None = None) -> Tensor:
        """Run the language layers over the slots `x` (B, T, width) that come after those in `cache`."""
        start = 0 if cache is None else cache.length
        stop = start + x.shape[1]
        turn = rotation(layout.positions(start, stop, x.device), self.config.head_dim, self.config.rotary_base)
        mask = layout.mask(start, stop, x.device)
        image = layout.image if start == 0 else None
        for index, layer in enumerate(self.layers):
            x = layer(x, image, turn, mask, None if cache is None else cache.layers[index])
        out: Tensor = self.norm(x)
        return out


class CogVLM(nn.Module):
    """The whole model, with random weights until some are loaded.

    Args:
        config: its shape.
    """

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

    def layout(self, padding: Tensor | None = None) -> Layout:
        """The slots of a batch whose texts have `padding` (B,) slots on their left."""
        return Layout(patches=self.config.num_patches, padding=padding)

    def forward(self, pixels: Tensor, text: Tensor, padding: Tensor | None = None) -> Tensor:
        """Logits after every slot, without a cache.

        Args:
            pixels: (B, 3, S, S) images, as `processing.preprocess` makes them.
            text: (B, L) token ids that follow the image.
            padding: (B,) how many of a row's first ids are padding; None for no padding at all.

        Returns:
            (B, 3 + patches + L, vocabulary).
        """
        logits: Tensor = self.lm_head(self.model(self.model.embed(pixels, text), self.layout(padding)))
        return logits

    def prefill(self, pixels: Tensor, text: Tensor, layout: Layout, cache: KeyValueCache) -> Tensor:
        """Fill `cache` with images and texts; returns the logits (B, vocabulary) of the token that follows."""
        hidden = self.model(self.model.embed(pixels, text), layout, cache)
        logits: Tensor = self.lm_head(hidden[:, -1])
        return logits

    def decode(self, tokens: Tensor, layout: Layout, cache: KeyValueCache) -> Tensor:
        """Append one token (B,) a row to `cache`; returns the logits (B, vocabulary) of the one that follows."""
        hidden = self.model(self.model.embed_tokens(tokens[:, None]), layout, cache)
        logits: Tensor = self.lm_head(hidden[:, -1])
        return logits

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        *,
        dtype: torch.dtype = torch.bfloat16,
        device: str | torch.device = "cpu",
    ) -> "CogVLM":
        """Load a checkpoint in the published layout, ready for inference.

        Args:
            folder: holds config.json, and model.safetensors or its shards with an index.
            dtype: type of the weights in memory.
            device: where they go, tensor by tensor.

        Raises:
            ValueError: config or weights are missing, incomplete or not CogVLM's; the message says which.
        """
        config = read_config(folder)
        with torch.device("meta"):
            model = cls(config)
        weights = checkpoint.load(folder, like=model.state_dict(), dtype=dtype, device=torch.device(device))
        model.load_state_dict(weights, assign=True)
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
