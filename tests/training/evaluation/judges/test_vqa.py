"""BLIP and ViLT from folders on disk, against their own parts put together by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, BlipForQuestionAnswering, ViltForQuestionAnswering

from tests.training.evaluation.judges.small_models import ANSWERS, save_blip, save_vilt
from training.evaluation.judge import Answer
from training.evaluation.judges import VQAJudge

QUESTIONS = ["is it red ?", "what colour is the cat on the dog ?", "is it a dog ?", "cat ?", "is it blue ?", "a , b ?"]


@pytest.fixture(scope="module")
def images() -> list[Image.Image]:
    noise = np.random.default_rng(0).integers(0, 256, (6, 20, 28, 3), dtype=np.uint8)
    return [Image.fromarray(pixels) for pixels in noise]


@pytest.fixture(scope="module")
def blip(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("blip")
    save_blip(folder)
    return str(folder)


def make_judge(folder: str, **settings: object) -> VQAJudge:
    judge = VQAJudge(model=folder, device="cpu", **settings)  # type: ignore[arg-type]
    judge.check()
    judge.setup()
    return judge


@pytest.fixture(scope="module")
def judge(blip: str) -> VQAJudge:
    return make_judge(blip, max_new_tokens=4, batch_size=2)


def by_hand(folder: str, image: Image.Image, question: str, first: int | None) -> tuple[str, float]:
    """Free answer of four tokens at most, and P(yes) / (P(yes) + P(no)); `first` replaces the first token asked."""
    processor = AutoProcessor.from_pretrained(folder)
    model = BlipForQuestionAnswering.from_pretrained(folder).eval()
    inputs = processor(images=image.convert("RGB"), text=question, return_tensors="pt")
    if first is not None:
        inputs["input_ids"][0, 0] = first
    yes, no = processor.tokenizer.convert_tokens_to_ids(["yes", "no"])
    ratio, tokens = 0.0, [model.config.text_config.bos_token_id]
    with torch.inference_mode():
        seen = model.vision_model(inputs["pixel_values"])[0]
        asked = model.text_encoder(inputs["input_ids"], encoder_hidden_states=seen)[0]
        for step in range(4):
            logits = model.text_decoder(torch.tensor([tokens]), encoder_hidden_states=asked).logits[0, -1].double()
            if step == 0:
                p = logits.softmax(0)
                ratio = float(p[yes] / (p[yes] + p[no]))
            tokens.append(int(logits.argmax()))
            if tokens[-1] == model.config.text_config.sep_token_id:
                break
    return processor.tokenizer.decode(tokens[1:], skip_special_tokens=True).strip(), ratio


def test_blip_answers_freely_and_says_how_probable_yes_is(
    judge: VQAJudge, blip: str, images: list[Image.Image]
) -> None:
    answers = judge.answer(images, QUESTIONS)
    enc = BlipForQuestionAnswering.from_pretrained(blip).config.text_config.vocab_size - 1
    for image, question, answer in zip(images, QUESTIONS, answers, strict=True):
        text, yes = by_hand(blip, image, question, enc)
        assert answer.text == text
        assert answer.yes == pytest.approx(yes, abs=1e-5)
    assert len({answer.text for answer in answers}) > 1
    _, without = by_hand(blip, images[0], QUESTIONS[0], None)
    assert answers[0].yes != pytest.approx(without, abs=1e-3), "[ENC] makes no difference, so nothing was tested"


def test_a_batch_says_what_each_question_gets_alone(judge: VQAJudge, images: list[Image.Image]) -> None:
    together = judge.answer(images, QUESTIONS)
    for image, question, answer in zip(images, QUESTIONS, together, strict=True):
        (alone,) = judge.answer([image], [question])
        assert alone.text == answer.text
        assert alone.yes == pytest.approx(answer.yes, abs=1e-6)


def test_answers_depend_on_the_image_and_any_mode_is_taken(judge: VQAJudge, images: list[Image.Image]) -> None:
    first, second, grey = judge.answer([images[0], images[1], images[0].convert("L")], ["is it red ?"] * 3)
    assert first.yes != second.yes
    assert judge.answer([images[0].convert("L").convert("RGB")], ["is it red ?"])[0].yes == pytest.approx(grey.yes)


def test_a_free_answer_may_be_exactly_yes_or_no(tmp_path: Path, images: list[Image.Image]) -> None:
    save_blip(tmp_path, bias=8.0)
    judge = make_judge(str(tmp_path), max_new_tokens=1)
    answers = judge.answer(
        images * 4, [f"{question} {word}" for word in ["red", "green", "blue", "cat"] for question in QUESTIONS]
    )
    assert {answer.text for answer in answers} == {"yes", "no"}
    assert all((answer.text == "yes") == (answer.yes is not None and answer.yes > 0.5) for answer in answers)


def test_a_prompt_stands_around_the_question(blip: str, judge: VQAJudge, images: list[Image.Image]) -> None:
    asked = make_judge(blip, prompt="is it , {question}", max_new_tokens=4).answer(images[:1], ["cat ?"])
    assert asked == judge.answer(images[:1], ["is it , cat ?"])


def test_images_may_be_scaled_to_another_size(blip: str, judge: VQAJudge, images: list[Image.Image]) -> None:
    larger = make_judge(blip, image_size=32)
    inputs = larger._encode(images[:1], ["cat ?"])
    assert inputs["pixel_values"].shape == (1, 3, 32, 32)
    assert larger.answer(images[:1], ["cat ?"])[0].yes != judge.answer(images[:1], ["cat ?"])[0].yes
    assert make_judge(blip, image_size=16, max_new_tokens=4).answer(images[:1], ["cat ?"]) == [
        Answer(text=answer.text, yes=pytest.approx(answer.yes, abs=1e-6))
        for answer in judge.answer(images[:1], ["cat ?"])
    ]


def test_vilt_chooses_from_its_list(tmp_path: Path, images: list[Image.Image]) -> None:
    save_vilt(tmp_path)
    judge = make_judge(str(tmp_path))
    answers = judge.answer(images, QUESTIONS)
    processor, model = AutoProcessor.from_pretrained(tmp_path), ViltForQuestionAnswering.from_pretrained(tmp_path)
    for image, question, answer in zip(images, QUESTIONS, answers, strict=True):
        with torch.inference_mode():
            scores = model(**processor(images=image, text=question, return_tensors="pt")).logits[0].sigmoid()
        assert answer.text == ANSWERS[int(scores.argmax())]
        assert answer.yes == pytest.approx(float(scores[2] / (scores[2] + scores[0])), abs=1e-5)


def test_no_questions_no_answers(judge: VQAJudge, images: list[Image.Image]) -> None:
    assert judge.answer([], []) == []
    with pytest.raises(ValueError, match="6 images and 1 questions"):
        judge.answer(images, ["?"])


def test_an_identity_tells_weights_apart_and_is_known_before_loading(blip: str, tmp_path: Path) -> None:
    save_blip(tmp_path, bias=1.0)
    one, other = (json.loads(VQAJudge(model=folder).identity) for folder in (blip, str(tmp_path)))
    assert one["weights"] != other["weights"]
    assert VQAJudge(model=blip, device="cpu", batch_size=1).identity == VQAJudge(model=blip).identity


def test_code_that_a_checkpoint_brings_is_never_run(tmp_path: Path) -> None:
    save_blip(tmp_path)
    (tmp_path / "evil.py").write_text("raise SystemExit('run')")
    config = json.loads((tmp_path / "config.json").read_text())
    entry = {"AutoConfig": "evil.Config", "AutoModelForVisualQuestionAnswering": "evil.Model"}
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "evil", "auto_map": entry}))
    with pytest.raises(ValueError, match=r"trust_remote_code|model type"):
        make_judge(str(tmp_path))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"prompt": "what?"}, "expected {question} somewhere"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"image_size": 0}, "image_size is 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        VQAJudge(**settings).check()  # type: ignore[arg-type]
