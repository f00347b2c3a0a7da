"""Chat models of two families, from folders on disk, asked for yes or no."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from tests.captioning.engines import small_models
from tests.captioning.engines.small_models import save_llava, save_qwen
from training.evaluation.judge import yes_or_no
from training.evaluation.judges import ChatJudge

QUESTIONS = ["Is it red", "Is it a house", "red", "Is the tree on the house and the dog"]


@pytest.fixture(scope="module")
def images() -> list[Image.Image]:
    noise = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    return [Image.fromarray(pixels) for pixels in noise]


@pytest.fixture(scope="module", params=[save_llava, save_qwen], ids=["llava", "qwen2-vl"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model")
    save: Callable[[Path], None] = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_models, "TEXT", f"{small_models.TEXT} Is yes Yes no No maybe")
        save(path)
    return str(path)


def make_judge(folder: str, **settings: object) -> ChatJudge:
    judge = ChatJudge(model=folder, dtype="float32", device="cpu", **settings)  # type: ignore[arg-type]
    judge.check()
    judge.setup()
    return judge


def by_hand(folder: str, image: Image.Image, question: str) -> tuple[int, float]:
    """The likeliest first token, and P(yes) / (P(yes) + P(no)) over all spellings."""
    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    content = [{"type": "image", "image": image}, {"type": "text", "text": f"{question} Answer with yes or no."}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt",
    )  # fmt: skip
    with torch.no_grad():
        logits = model(**inputs).logits[0, -1].double().clone()
    p = logits.softmax(0)
    yes, no = (
        sum(float(p[processor.tokenizer.convert_tokens_to_ids(word)]) for word in words)
        for words in (("yes", "Yes"), ("no", "No"))
    )
    logits[model.generation_config.suppress_tokens] = -torch.inf
    return int(logits.argmax()), yes / (yes + no)


def test_the_answer_is_the_reply_and_the_probability_that_of_its_first_token(
    folder: str, images: list[Image.Image]
) -> None:
    judge = make_judge(folder, max_new_tokens=1, batch_size=3)
    tokenizer = AutoProcessor.from_pretrained(folder).tokenizer
    answers = judge.answer(images, QUESTIONS)
    for image, question, answer in zip(images, QUESTIONS, answers, strict=True):
        token, yes = by_hand(folder, image, question)
        assert answer.text == yes_or_no(tokenizer.decode([token], skip_special_tokens=True))
        assert answer.yes == pytest.approx(yes, abs=1e-4)
    assert len({answer.yes for answer in answers}) == len(answers)


def test_a_batch_says_what_each_question_gets_alone(folder: str, images: list[Image.Image]) -> None:
    judge = make_judge(folder)
    for image, question, together in zip(images, QUESTIONS, judge.answer(images, QUESTIONS), strict=True):
        (alone,) = judge.answer([image], [question])
        assert alone.text == together.text
        assert alone.yes == pytest.approx(together.yes, abs=1e-5)
    assert judge.answer([], []) == []


def test_a_vocabulary_without_yes_gives_no_probability(tmp_path: Path, images: list[Image.Image]) -> None:
    save_llava(tmp_path)
    assert make_judge(str(tmp_path)).answer(images[:1], QUESTIONS[:1])[0].yes is None


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    save_llava(tmp_path)
    for file in tmp_path.glob("*chat_template*"):
        file.unlink()
    with pytest.raises(ValueError, match="has no chat template"):
        make_judge(str(tmp_path))


def test_code_that_a_checkpoint_brings_is_never_run(tmp_path: Path) -> None:
    save_llava(tmp_path)
    (tmp_path / "evil.py").write_text("raise SystemExit('run')")
    config = json.loads((tmp_path / "config.json").read_text())
    entry = {"AutoConfig": "evil.Config", "AutoModelForImageTextToText": "evil.Model"}
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "evil", "auto_map": entry}))
    with pytest.raises(ValueError, match=r"trust_remote_code|model type"):
        make_judge(str(tmp_path))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"prompt": "?"}, "expected {question}"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ChatJudge(model="x", **settings).check()  # type: ignore[arg-type]
