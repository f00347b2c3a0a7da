"""CLIPScore: the cosine between an image and its prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PIL.Image import Image

from curation.stage import execution
from training.evaluation.device import choose_device
from training.evaluation.judge import Answer, Judge, check_pairs


@dataclass(kw_only=True)
class ClipSimilarity(Judge):
    """Asked for a prompt, answers with its cosine to the image, neither scaled nor cut at zero.

    Args:
        model: folder or hub name of a CLIP.
        revision: branch, tag or commit of a hub name.
        dtype: type of the weights and of the arithmetic.
        device: "cpu", "cuda", "cuda:1", ..., or "auto": a GPU where there is one.
        batch_size: images at once.
    """

    model: str = "openai/clip-vit-base-patch32"
    revision: str | None = None
    dtype: Literal["bfloat16", "float16", "float32"] = "float32"
    device: str = execution("auto")
    batch_size: int = execution(64)

    def setup(self) -> None:
        """Load processor and weights.

        Raises:
            OSError: there is no such model.
        """
        import torch
        from transformers import CLIPModel, CLIPProcessor

        source: dict[str, Any] = {"revision": self.revision, "trust_remote_code": False}
        self._processor: Any = CLIPProcessor.from_pretrained(self.model, **source)
        model: Any = CLIPModel.from_pretrained(
            self.model, dtype=getattr(torch, self.dtype), use_safetensors=True, **source
        )
        self._model = model.to(choose_device(self.device)).eval()

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[Answer]:
        """The cosine of `questions[i]` and `images[i]`, in order; a prompt of more tokens than CLIP reads is cut."""
        import torch
        from torch.nn import functional

        check_pairs(images, questions)
        inputs = self._processor(
            text=list(questions), images=list(images), return_tensors="pt", padding=True, truncation=True
        )
        with torch.inference_mode():
            output = self._model(**inputs.to(self._model.device, self._model.dtype))
            cosines = functional.cosine_similarity(output.image_embeds.double(), output.text_embeds.double())  # (B,)
        return [Answer(text=repr(round(cosine, 6))) for cosine in cosines.tolist()]


def cosine(answer: str) -> float:
    """What a `ClipSimilarity` answered."""
    return float(answer)
