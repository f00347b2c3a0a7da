"""Any image-text-to-text model that transformers itself has the code of, asked for yes or no."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PIL.Image import Image

from curation.stage import execution
from training.evaluation.device import choose_device
from training.evaluation.judge import Answer, Judge, check_pairs, yes_or_no
from training.evaluation.judges.prompt import YES_OR_NO, check_prompt, fill


@dataclass(kw_only=True)
class ChatJudge(Judge):
    """Answers of a chat model, with the probability that it gives to yes; a checkpoint's own code is never run.

    Args:
        model: folder or hub name.
        revision: branch, tag or commit of a hub name.
        prompt: what is asked; {question} stands for the question.
        max_new_tokens: cap on an answer's tokens; only its first word counts.
        dtype: type of the weights and of the arithmetic.
        device: "cpu", "cuda", "cuda:1", ..., or "auto": a GPU where there is one.
        batch_size: questions at once.
    """

    model: str
    revision: str | None = None
    prompt: str = YES_OR_NO
    max_new_tokens: int = 4
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    device: str = execution("auto")
    batch_size: int = execution(16)

    def check(self) -> None:
        """Raise ValueError where the settings cannot work."""
        check_prompt(self.prompt)
        for name in ("max_new_tokens", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: expected at least 1")

    def setup(self) -> None:
        """Load processor and weights.

        Raises:
            ValueError: transformers has no code for the model, or the model no chat template.
            OSError: there is no such model.
        """
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        from training.evaluation.judges.first_token import find_yes_no

        source: dict[str, Any] = {"revision": self.revision, "trust_remote_code": False}
        self._processor: Any = AutoProcessor.from_pretrained(self.model, **source)  # type: ignore[no-untyped-call]
        if not getattr(self._processor, "chat_template", None):
            raise ValueError(f"{self.model}: its processor has no chat template; expected a model that follows prompts")
        self._processor.tokenizer.padding_side = "left"  # the answer follows the prompt in every row
        model: Any = AutoModelForImageTextToText.from_pretrained(
            self.model, dtype=getattr(torch, self.dtype), use_safetensors=True, **source
        )
        self._model = model.to(choose_device(self.device)).eval()
        self._yes_no = find_yes_no(self._processor.tokenizer)

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[Answer]:
        """What `questions[i]` is answered about `images[i]`, in order."""
        check_pairs(images, questions)
        answers: list[Answer] = []
        for start in range(0, len(questions), self.batch_size):
            part = slice(start, start + self.batch_size)
            answers += self._answer(images[part], questions[part])
        return answers

    def _answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[Answer]:
        import torch

        inputs = self._encode(images, questions).to(self._model.device, self._model.dtype)
        with torch.inference_mode():
            output = self._model.generate(
                **inputs,
                max_new_tokens=self.max_new_tokens,
                do_sample=False,
                num_beams=1,
                return_dict_in_generate=True,
                output_logits=True,
            )
        written = output.sequences[:, inputs["input_ids"].shape[1] :]  # (B, new tokens)
        texts = self._processor.tokenizer.batch_decode(written, skip_special_tokens=True)
        yes = self._yes_no.probabilities(output.logits[0])
        return [Answer(text=yes_or_no(text), yes=value) for text, value in zip(texts, yes, strict=True)]

    def _encode(self, images: Sequence[Image], questions: Sequence[str]) -> Any:
        chats = [
            [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": prompt}]}]
            for image, prompt in zip(
                (image.convert("RGB") for image in images),
                (fill(self.prompt, question) for question in questions),
                strict=True,
            )
        ]
        return self._processor.apply_chat_template(
            chats,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        )
