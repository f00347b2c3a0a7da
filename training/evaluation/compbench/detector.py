"""An open-vocabulary detector of transformers in the place of UniDet, which nobody maintains: its scores are others."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PIL.Image import Image

from curation.stage import execution
from training.evaluation.compbench.spatial import Box
from training.evaluation.device import choose_device
from training.evaluation.judge import Answer, Judge, check_pairs

KINDS = ("owlvit", "owlv2")
_SEPARATOR = "; "


@dataclass(kw_only=True)
class Detector(Judge):
    """Asked for things (`cup; table`), answers where they are: the JSON of boxes, the surest first.

    Minderer et al., "Scaling Open-Vocabulary Object Detection", 2023.

    Args:
        model: folder or hub name of an OWL-ViT or OWLv2.
        revision: branch, tag or commit of a hub name.
        prompt: what is looked for; {thing} stands for the thing.
        threshold: detections with a lower score are left out; those that count are chosen later.
        dtype: type of the weights and of the arithmetic.
        device: "cpu", "cuda", "cuda:1", ..., or "auto": a GPU where there is one.
        batch_size: images a call; they are looked at one by one.
    """

    model: str = "google/owlv2-base-patch16-ensemble"
    revision: str | None = None
    prompt: str = "a photo of a {thing}"
    threshold: float = 0.1
    dtype: Literal["bfloat16", "float16", "float32"] = "float32"
    device: str = execution("auto")
    batch_size: int = execution(16)

    def check(self) -> None:
        """Raise ValueError where the settings cannot work."""
        if "{thing}" not in self.prompt:
            raise ValueError(f"the detector's prompt is {self.prompt!r}: expected {{thing}} somewhere in it")
        if not 0 <= self.threshold < 1:
            raise ValueError(f"the detector's threshold is {self.threshold}: expected 0 or more, and less than 1")

    def setup(self) -> None:
        """Load processor and weights.

        Raises:
            ValueError: it is not a model that this can drive.
            OSError: there is no such model.
        """
        import torch
        from transformers import AutoConfig, AutoModelForZeroShotObjectDetection, AutoProcessor

        source: dict[str, Any] = {"revision": self.revision, "trust_remote_code": False}
        kind = AutoConfig.from_pretrained(self.model, **source).model_type
        if kind not in KINDS:
            raise ValueError(f"{self.model} is a {kind}: expected one of {', '.join(KINDS)} for a detector")
        self._processor: Any = AutoProcessor.from_pretrained(self.model, **source)  # type: ignore[no-untyped-call]
        model: Any = AutoModelForZeroShotObjectDetection.from_pretrained(
            self.model, dtype=getattr(torch, self.dtype), use_safetensors=True, **source
        )
        self._model = model.to(choose_device(self.device)).eval()

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[Answer]:
        """Where the things of `questions[i]` are on `images[i]`, in order."""
        check_pairs(images, questions)
        return [Answer(text=self._detect(*pair)) for pair in zip(images, questions, strict=True)]

    def _detect(self, image: Image, question: str) -> str:
        import torch

        things = question.split(_SEPARATOR)
        looked_for = [self.prompt.replace("{thing}", thing) for thing in things]
        inputs = self._processor(text=[looked_for], images=image, return_tensors="pt")
        with torch.inference_mode():
            output = self._model(**inputs.to(self._model.device, self._model.dtype))
        (found,) = self._processor.post_process_grounded_object_detection(
            output, threshold=self.threshold, target_sizes=[(image.height, image.width)], text_labels=[things]
        )
        rows = zip(found["text_labels"], found["scores"].tolist(), found["boxes"].tolist(), strict=True)
        boxes = [{"label": label, "score": score, "corners": corners} for label, score, corners in rows]
        return json.dumps(sorted(boxes, key=lambda box: (-box["score"], box["corners"])))


def question(things: Sequence[str]) -> str:
    """What a `Detector` is asked for `things`."""
    return _SEPARATOR.join(dict.fromkeys(things))


def boxes(answer: str) -> list[Box]:
    """What a `Detector` answered."""
    return [
        Box(label=box["label"], score=box["score"], corners=tuple(box["corners"]))  # pixels of the image
        for box in json.loads(answer)
    ]
