"""mPLUG-large, the judge of DPG-Bench's published scores, through modelscope."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL.Image import Image

from curation.stage import execution
from training.evaluation.judge import Answer, Judge, check_pairs

INSTALL = "pip install modelscope"


@dataclass(kw_only=True)
class MPlugJudge(Judge):
    """Answers of mPLUG-large, free and without probabilities.

    Its weights are a pickle that modelscope, not this project, loads: take them from where you trust.

    Li et al., mPLUG, 2022.

    Args:
        model: folder or name on modelscope.
        revision: branch or tag on modelscope.
        device: "cpu", "gpu", "cuda:1", ..., or "auto": a GPU where there is one.
        batch_size: questions a call; mPLUG answers one at a time.
    """

    model: str = "damo/mplug_visual-question-answering_coco_large_en"
    revision: str | None = None
    device: str = execution("auto")
    batch_size: int = execution(16)

    def setup(self) -> None:
        """Load the model.

        Raises:
            ValueError: modelscope is not installed.
            OSError: there is no such model.
        """
        from training.evaluation.device import choose_device

        try:
            from modelscope.pipelines import pipeline
            from modelscope.utils.constant import Tasks
        except ImportError as error:
            raise ValueError(
                f"mPLUG needs the package modelscope, which cannot be imported ({error}): {INSTALL}, or take another "
                "judge, such as --judge blip"
            ) from error
        revision = {"model_revision": self.revision} if self.revision else {}
        self._pipeline: Any = pipeline(
            Tasks.visual_question_answering, model=self.model, device=choose_device(self.device), **revision
        )

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[Answer]:
        """What `questions[i]` is answered about `images[i]`, in order."""
        check_pairs(images, questions)
        pairs = zip(images, questions, strict=True)
        return [
            Answer(text=str(self._pipeline({"image": image.convert("RGB"), "question": question})["text"]))
            for image, question in pairs
        ]
