"""Any visual-question-answering model of transformers: BLIP, ViLT, BLIP-2."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PIL.Image import Image

from curation.stage import execution
from training.evaluation.device import choose_device
from training.evaluation.judge import NO, YES, Answer, Judge, check_pairs
from training.evaluation.judges.prompt import QUESTION, check_prompt, fill


@dataclass(kw_only=True)
class VQAJudge(Judge):
    """Answers of a model that was trained on questions about images.

    A model that writes (BLIP) answers freely, and says how probable yes and no are as its first token; one that chooses
    from a list (ViLT) gives its choice, and how probable those two are. Questions of one length share a batch: BLIP's
    decoder in transformers looks at padding, which would make an answer depend on its neighbours.

    Li et al., BLIP, 2022. The authors put their token [ENC] in the place of a question's first token, and transformers
    does not; here it is put there.

    Args:
        model: folder or hub name.
        revision: branch, tag or commit of a hub name.
        prompt: what is asked; {question} stands for the question.
        image_size: side to which images are scaled, in pixels; without it, the one that the model comes with.
        max_new_tokens: cap on a free answer's tokens.
        dtype: type of the weights and of the arithmetic.
        device: "cpu", "cuda", "cuda:1", ..., or "auto": a GPU where there is one.
        batch_size: questions at once.
    """

    model: str = "Salesforce/blip-vqa-capfilt-large"
    revision: str | None = None
    prompt: str = QUESTION
    image_size: int | None = None
    max_new_tokens: int = 10
    dtype: Literal["bfloat16", "float16", "float32"] = "float32"
    device: str = execution("auto")
    batch_size: int = execution(32)

    def check(self) -> None:
        """Raise ValueError where the settings cannot work."""
        check_prompt(self.prompt)
        for name in ("max_new_tokens", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: expected at least 1")
        if self.image_size is not None and self.image_size < 1:
            raise ValueError(f"image_size is {self.image_size}: expected a side in pixels")

    def setup(self) -> None:
        """Load processor and weights.

        Raises:
            ValueError: transformers has no visual-question-answering code for the model.
            OSError: there is no such model.
        """
        import torch
        from transformers import AutoModelForVisualQuestionAnswering, AutoProcessor

        from training.evaluation.judges.first_token import find_yes_no

        source: dict[str, Any] = {"revision": self.revision, "trust_remote_code": False}
        self._processor: Any = AutoProcessor.from_pretrained(self.model, **source)  # type: ignore[no-untyped-call]
        model: Any = AutoModelForVisualQuestionAnswering.from_pretrained(
            self.model, dtype=getattr(torch, self.dtype), use_safetensors=True, **source
        )
        self._model = model.to(choose_device(self.device)).eval()
        self._yes_no = find_yes_no(self._processor.tokenizer)

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[Answer]:
        """What `questions[i]` is answered about `images[i]`, in order."""
        check_pairs(images, questions)
        prompts = [fill(self.prompt, question) for question in questions]
        answers: dict[int, Answer] = {}
        for rows in self._batches(prompts):
            inputs = self._encode([images[row] for row in rows], [prompts[row] for row in rows])
            answers.update(zip(rows, self._answer(inputs), strict=True))
        return [answers[row] for row in range(len(questions))]

    def _batches(self, prompts: Sequence[str]) -> Iterator[list[int]]:
        """Rows whose prompts have the same number of tokens, a batch at a time."""
        lengths: dict[int, list[int]] = {}
        for row, prompt in enumerate(prompts):
            lengths.setdefault(len(self._processor.tokenizer(prompt)["input_ids"]), []).append(row)
        for rows in lengths.values():
            yield from (rows[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size))

    def _encode(self, images: Sequence[Image], prompts: Sequence[str]) -> Any:
        size = {"size": {"height": self.image_size, "width": self.image_size}} if self.image_size else {}
        inputs = self._processor(
            images=[image.convert("RGB") for image in images], text=list(prompts), return_tensors="pt", **size
        )
        if self._model.config.model_type == "blip":
            # The tokens that BLIP adds to its text model's vocabulary are [DEC], which begins an answer, and [ENC].
            inputs["input_ids"][:, 0] = self._model.config.text_config.bos_token_id + 1
        return inputs.to(self._model.device, self._model.dtype)

    def _answer(self, inputs: Any) -> list[Answer]:
        import torch

        with torch.inference_mode():
            return self._write(inputs) if self._model.can_generate() else self._choose(inputs)

    def _write(self, inputs: Any) -> list[Answer]:
        interpolated = {"interpolate_pos_encoding": True} if self.image_size else {}
        output = self._model.generate(
            **inputs,
            max_new_tokens=self.max_new_tokens,
            do_sample=False,
            num_beams=1,
            return_dict_in_generate=True,
            output_logits=True,
            **interpolated,
        )
        written = output.sequences[:, output.sequences.shape[1] - len(output.logits) :]  # (B, new tokens)
        texts = self._processor.tokenizer.batch_decode(written, skip_special_tokens=True)
        yes = self._yes_no.probabilities(output.logits[0])
        return [Answer(text=text.strip(), yes=value) for text, value in zip(texts, yes, strict=True)]

    def _choose(self, inputs: Any) -> list[Answer]:
        names: dict[int, str] = self._model.config.id2label
        rows = self._model(**inputs).logits.double().sigmoid().tolist()  # (B, answers); trained one by one
        ids = {name: number for number, name in names.items()}
        return [
            Answer(
                text=names[max(range(len(row)), key=row.__getitem__)],
                yes=row[ids[YES]] / (row[ids[YES]] + row[ids[NO]]) if YES in ids and NO in ids else None,
            )
            for row in rows
        ]
