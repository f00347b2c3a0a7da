"""The aesthetic predictor: images in, scores out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from curation.aesthetic.head import AestheticHead
from curation.aesthetic.weights import RELEASED_HEAD

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class AestheticPredictor:
    """CLIP's image tower with an aesthetic head on it.

    Args:
        tower: pixels (B, 3, H, W) to embeddings (B, D); in any floating type.
        head: embeddings (B, D), L2-normalised, to scores (B,).
        preprocess: a PIL image to pixels (3, H, W).
        device: where to compute.
    """

    def __init__(
        self, tower: nn.Module, head: AestheticHead, preprocess: Callable[[Image.Image], Tensor], device: torch.device
    ) -> None:
        self._tower = tower.to(device).eval()
        self._head = head.to(device, torch.float32).eval()
        self._device = device
        self._dtype = next(tower.parameters()).dtype
        self.preprocess = preprocess

    @classmethod
    def from_pretrained(
        cls,
        model: str = "ViT-L-14",
        pretrained: str = "openai",
        head: str = RELEASED_HEAD,
        device: str = "auto",
        precision: str = "fp32",
    ) -> "AestheticPredictor":
        """Load the tower through open_clip, and the head.

        Args:
            model: open_clip's name of a model, or a folder with open_clip_config.json and the weights.
            pretrained: open_clip's tag of the weights, or a file of them; not used with a folder.
            head: path or fsspec URL of the head's weights; by default the released one's.
            device: torch's name of a device; `auto` takes a GPU where there is one.
            precision: of the tower: fp32, fp16 or bf16. The head computes in fp32.

        Raises:
            ValueError: no such model or precision, or a head for embeddings of another width.
            RuntimeError: open_clip knows no such weights or cannot fetch them.
        """
        if precision not in _DTYPES:
            raise ValueError(f"precision={precision!r}: expected {', '.join(_DTYPES)}")
        clip, preprocess = _load_clip(model, pretrained)
        loaded, width = AestheticHead.from_pretrained(head), clip.visual.output_dim
        if loaded.width != width:
            raise ValueError(f"{head} is for embeddings of {loaded.width}, {model} makes embeddings of {width}")
        automatic = "cuda" if torch.cuda.is_available() else "cpu"
        chosen = torch.device(automatic if device == "auto" else device)
        return cls(clip.visual.to(_DTYPES[precision]), loaded, preprocess, chosen)

    @torch.inference_mode()
    def score(self, images: Sequence[Image.Image] | Tensor, batch_size: int = 64) -> Tensor:
        """Scores of images, about 1 to 10; NaN where an image makes the tower overflow.

        Args:
            images: PIL images, or pixels (N, 3, H, W) as `preprocess` makes them.
            batch_size: images at a time.

        Returns:
            (N,), fp32, on the CPU.
        """
        starts = range(0, len(images), batch_size)
        scores = [self._score_batch(images[start : start + batch_size]) for start in starts]
        return torch.cat(scores) if scores else torch.empty(0)

    def _score_batch(self, images: Sequence[Image.Image] | Tensor) -> Tensor:
        pixels = images if isinstance(images, Tensor) else torch.stack([self.preprocess(image) for image in images])
        embeddings = self._tower(pixels.to(self._device, self._dtype)).float()  # (B, D)
        scores: Tensor = self._head(F.normalize(embeddings, dim=-1))  # (B,)
        return scores.cpu()


def _load_clip(model: str, pretrained: str) -> Any:
    """open_clip's model with its weights, and its preprocessing."""
    if Path(model).is_dir():
        return open_clip.create_model_from_pretrained(f"local-dir:{model}")
    if open_clip.get_model_config(model) is None:
        raise ValueError(f"{model}: neither a folder nor a model of open_clip's, such as ViT-L-14")
    # open_clip takes the activation from the model's name and only warns where the weights were trained with another:
    # the scores would be wrong and look right.
    quick_gelu = open_clip.get_pretrained_cfg(model, pretrained).get("quick_gelu", False)
    return open_clip.create_model_from_pretrained(model, pretrained, force_quick_gelu=quick_gelu)
