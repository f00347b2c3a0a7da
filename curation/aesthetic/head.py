"""The head of the LAION aesthetic predictor v2: image embedding in, score of about 1 to 10 out.

The architecture is that of https://github.com/christophschuhmann/improved-aesthetic-predictor, whose released weights
were fitted to the ratings of SAC, Logos and AVA over OpenAI's CLIP ViT-L/14.
"""

import io
import pickle
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from curation.aesthetic.weights import read_weights

RELEASED_WIDTHS = (768, 1024, 128, 64, 16, 1)

_DROPOUTS = (0.2, 0.2, 0.1)
_LINEAR_AT = (0, 2, 4, 6, 7)
"""Where the linear layers stand among `layers`; a dropout follows each of the first three."""


class AestheticHead(nn.Module):
    """Five linear layers, with dropout after the first three and no activation anywhere.

    Args:
        widths: of the embedding, the four hidden layers and the score (1).

    Attributes:
        width: of the embedding.
    """

    def __init__(self, widths: Sequence[int] = RELEASED_WIDTHS) -> None:
        super().__init__()
        if len(widths) != len(_LINEAR_AT) + 1 or widths[-1] != 1:
            raise ValueError(f"widths {tuple(widths)}: expected {len(_LINEAR_AT) + 1} of them, the last being 1")
        self.width = widths[0]
        linear = [nn.Linear(a, b) for a, b in pairwise(widths)]
        dropout = [nn.Dropout(p) for p in _DROPOUTS]
        self.layers = nn.Sequential(
            linear[0], dropout[0], linear[1], dropout[1], linear[2], dropout[2], linear[3], linear[4]
        )

    @classmethod
    def from_pretrained(cls, path: str) -> "AestheticHead":
        """The head whose weights are at `path`, in evaluation mode, its widths read from the tensors.

        Args:
            path: a .safetensors or .pth state dict, local or any fsspec URL, with the keys of the released one:
                `layers.{0,2,4,6,7}.{weight,bias}`.

        Raises:
            ValueError: the file is not such a state dict; the message says which keys or shapes are off.
        """
        state = _read_state(path)
        expected = {f"layers.{i}.{kind}" for i in _LINEAR_AT for kind in ("weight", "bias")}
        if set(state) != expected:
            raise ValueError(
                f"{path}: not an aesthetic head: missing {sorted(expected - set(state)) or 'no key'}, "
                f"unexpected {sorted(set(state) - expected)[:5] or 'no key'}"
            )
        weights = [state[f"layers.{i}.weight"] for i in _LINEAR_AT]
        head = cls([weights[0].shape[-1], *(weight.shape[0] for weight in weights)])
        try:
            head.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(f"{path}: not an aesthetic head: {' '.join(str(error).split())}") from error
        return head.eval()

    def forward(self, embeddings: Tensor) -> Tensor:
        """Scores of images.

        Args:
            embeddings: (B, D), L2-normalised.

        Returns:
            (B,)
        """
        scores: Tensor = self.layers(embeddings)  # (B, 1)
        return scores.squeeze(-1)


def _read_state(path: str) -> Mapping[str, Tensor]:
    content = read_weights(path)
    if path.endswith(".safetensors"):
        try:
            return load_safetensors(content)
        except SafetensorError as error:
            raise ValueError(f"{path}: not a safetensors file: {error}") from error
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(f"{path}: not a state dict that is safe to load: {error}") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path}: holds a {type(state).__name__}, expected a state dict")
    return state
