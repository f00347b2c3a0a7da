"""The aesthetic predictor: images in, scores out; and how well the same CLIP finds that texts fit images."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from curation.aesthetic.head import AestheticHead
from curation.aesthetic.transform import Transform, make_transform
from curation.aesthetic.weights import RELEASED_HEAD

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class AestheticPredictor:
    """CLIP's image tower with an aesthetic head on it.

    Args:
        tower: pixels (B, 3, H, W) to embeddings (B, D); in any floating type.
        head: embeddings (B, D), L2-normalised, to scores (B,).
        preprocess: a PIL image to pixels (3, H, W).
        device: where to compute.
        text_tower: token ids (B, L) to embeddings (B, D); without it no text can be compared.
        tokenize: texts to token ids (B, L), cut where the tower reads no further.
    """

    def __init__(
        self,
        tower: nn.Module,
        head: AestheticHead,
        preprocess: Transform,
        device: torch.device,
        text_tower: Callable[[Tensor], Tensor] | None = None,
        tokenize: Callable[[list[str]], Tensor] | None = None,
    ) -> None:
        self._tower = tower.to(device).eval()
        self._text_tower = text_tower
        self._tokenize = tokenize
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
        """Load both towers through open_clip, and the head.

        Args:
            model: open_clip's name of a model, or a folder with open_clip_config.json and the weights.
            pretrained: open_clip's tag of the weights, or a file of them; not used with a folder.
            head: path or fsspec URL of the head's weights; by default the released one's.
            device: torch's name of a device; `auto` takes a GPU where there is one.
            precision: of the towers: fp32, fp16 or bf16. The head computes in fp32.

        Raises:
            ValueError: no such model or precision, or a head for embeddings of another width.
            RuntimeError: open_clip knows no such weights or cannot fetch them.
        """
        if precision not in _DTYPES:
            raise ValueError(f"precision={precision!r}: expected {', '.join(_DTYPES)}")
        clip, own = _load_clip(model, pretrained)
        preprocess = make_transform(clip.visual.preprocess_cfg, own)
        loaded, width = AestheticHead.from_pretrained(head), clip.visual.output_dim
        if loaded.width != width:
            raise ValueError(f"{head} is for embeddings of {loaded.width}, {model} makes embeddings of {width}")
        automatic = "cuda" if torch.cuda.is_available() else "cpu"
        chosen = torch.device(automatic if device == "auto" else device)
        clip.to(chosen, _DTYPES[precision]).eval()
        tokenize = open_clip.get_tokenizer(_open_clip_name(model))
        return cls(clip.visual, loaded, preprocess, chosen, clip.encode_text, tokenize)

    @torch.inference_mode()
    def embed(self, images: Sequence[Image.Image] | Tensor, batch_size: int = 64) -> Tensor:
        """Embeddings of images.

        Args:
            images: PIL images, or pixels (N, 3, H, W) as `preprocess` makes them.
            batch_size: images at a time.

        Returns:
            (N, D), fp32, L2-normalised, on the device.
        """
        starts = range(0, len(images), batch_size)
        embeddings = [self._embed_batch(images[start : start + batch_size]) for start in starts]
        return torch.cat(embeddings) if embeddings else torch.empty(0, self._head.width, device=self._device)

    def score(self, images: Sequence[Image.Image] | Tensor, batch_size: int = 64) -> Tensor:
        """Scores of images, about 1 to 10; NaN where an image makes the tower overflow.

        Args:
            images: as `embed` takes them.
            batch_size: images at a time.

        Returns:
            (N,), fp32, on the CPU.
        """
        return self.score_embeddings(self.embed(images, batch_size))

    @torch.inference_mode()
    def score_embeddings(self, embeddings: Tensor) -> Tensor:
        """The head's scores (N,), on the CPU, of embeddings (N, D) that `embed` made."""
        scores: Tensor = self._head(embeddings)  # (N,)
        return scores.cpu()

    @torch.inference_mode()
    def similarities(self, embeddings: Tensor, texts: Sequence[str]) -> Tensor:
        """The cosine between each image and its text, -1 to 1: what the metadata of LAION and COYO calls similarity.

        Args:
            embeddings: (N, D), that `embed` made.
            texts: N; each is cut after the tokens that the text tower reads.

        Returns:
            (N,), fp32, on the CPU; NaN where the text tower overflows.

        Raises:
            ValueError: another number of texts than of images, or a predictor without a text tower.
        """
        if self._text_tower is None or self._tokenize is None:
            raise ValueError("this predictor has no text tower: make it with from_pretrained, or give it one")
        if len(texts) != len(embeddings):
            raise ValueError(f"{len(texts)} texts for {len(embeddings)} images: expected one each")
        if not texts:
            return torch.empty(0)
        tokens = self._tokenize(list(texts)).to(self._device)  # (N, L)
        wanted = F.normalize(self._text_tower(tokens).float(), dim=-1)  # (N, D)
        return (embeddings * wanted).sum(dim=-1).cpu()

    def _embed_batch(self, images: Sequence[Image.Image] | Tensor) -> Tensor:
        pixels = images if isinstance(images, Tensor) else torch.stack([self.preprocess(image) for image in images])
        embeddings = self._tower(pixels.to(self._device, self._dtype)).float()  # (B, D)
        return F.normalize(embeddings, dim=-1)


def _open_clip_name(model: str) -> str:
    """How open_clip's loaders are told a model: by its name, or by the folder that it is in."""
    return f"local-dir:{model}" if Path(model).is_dir() else model


def _load_clip(model: str, pretrained: str) -> Any:
    """open_clip's model with its weights, and its preprocessing."""
    if Path(model).is_dir():
        return open_clip.create_model_from_pretrained(_open_clip_name(model))
    if open_clip.get_model_config(model) is None:
        raise ValueError(f"{model}: neither a folder nor a model of open_clip's, such as ViT-L-14")
    # open_clip takes the activation from the model's name and only warns where the weights were trained with another:
    # the scores would be wrong and look right.
    quick_gelu = open_clip.get_pretrained_cfg(model, pretrained).get("quick_gelu", False)
    return open_clip.create_model_from_pretrained(model, pretrained, force_quick_gelu=quick_gelu)
