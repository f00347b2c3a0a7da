"""CogVLM behind the captioner's interface, from folders on disk."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer

from captioning.captioner import Caption, Sampling, prompt_hash
from captioning.cogvlm import CogVLM, CogVLMCaptioner
from captioning.cogvlm.generation import generate
from captioning.cogvlm.processing import preprocess
from tests.captioning.cogvlm.tiny import random_model, small_config

PROMPT = "Describe this image in detail."


@pytest.fixture
def model_folder(model: CogVLM, tmp_path: Path) -> Path:
    model.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def images() -> list[Image.Image]:
    noise = np.random.default_rng(0).integers(0, 256, (3, 40, 30, 3), dtype=np.uint8)
    return [Image.fromarray(pixels) for pixels in noise]


def make_captioner(model: Path, tokenizer: Path, **settings: object) -> CogVLMCaptioner:
    captioner = CogVLMCaptioner(
        model=str(model), tokenizer=str(tokenizer), dtype="float32", device="cpu", max_new_tokens=9, **settings
    )
    captioner.check()
    captioner.setup()
    return captioner


def texts(captions: list[Caption]) -> list[str]:
    return [caption.text for caption in captions]


def test_captions_are_the_greedy_continuation_of_image_and_templated_prompt(
    model: CogVLM, model_folder: Path, tokenizer_folder: Path, images: list[Image.Image]
) -> None:
    captions = make_captioner(model_folder, tokenizer_folder).caption(images, [PROMPT] * 3)
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    prompt = tokenizer.encode(f"Question: {PROMPT} Answer:", add_special_tokens=False)
    rows = generate(model, preprocess(images, 24), [prompt] * 3, max_new_tokens=9)
    assert [caption.text for caption in captions] == [
        tokenizer.decode(row.tokens, skip_special_tokens=True) for row in rows
    ]
    assert [caption.tokens for caption in captions] == [len(row.tokens) for row in rows]
    assert [caption.finish_reason for caption in captions] == [row.ending for row in rows]
    assert all(caption.text for caption in captions)


def test_a_batch_says_what_each_image_gets_alone(
    model_folder: Path, tokenizer_folder: Path, images: list[Image.Image]
) -> None:
    captioner = make_captioner(model_folder, tokenizer_folder)
    prompts = [PROMPT, "What is it?", "red cat"]
    alone = [captioner.caption([image], [prompt])[0] for image, prompt in zip(images, prompts, strict=True)]
    assert captioner.caption(images, prompts) == alone


def test_the_template_is_the_configs_unless_it_is_set(
    model_folder: Path, tokenizer_folder: Path, images: list[Image.Image]
) -> None:
    chat, base = (make_captioner(model_folder, tokenizer_folder, template=name) for name in ("chat", "base"))
    default = make_captioner(model_folder, tokenizer_folder)
    said = texts(chat.caption(images, [PROMPT] * 3))
    assert texts(default.caption(images, [PROMPT] * 3)) == said
    assert texts(base.caption(images, [f"Question: {PROMPT} Answer:"] * 3)) == said
    assert texts(base.caption(images, [PROMPT] * 3)) != said


def test_images_of_any_mode_are_taken(model_folder: Path, tokenizer_folder: Path, images: list[Image.Image]) -> None:
    captioner = make_captioner(model_folder, tokenizer_folder)
    grey = images[0].convert("L")
    assert captioner.caption([grey], [PROMPT]) == captioner.caption([grey.convert("RGB")], [PROMPT])


@pytest.mark.parametrize("slots", [1, 2])
def test_fewer_slots_than_images_say_the_same(
    model_folder: Path, tokenizer_folder: Path, images: list[Image.Image], slots: int
) -> None:
    prompts = [PROMPT, "What is it?", "red cat"] * 2
    sampling = Sampling(seeds=(1, 2, 3, 4, 5, 6))
    wide, narrow = (make_captioner(model_folder, tokenizer_folder, slots=count, threads=2) for count in (16, slots))
    assert narrow.caption(images * 2, prompts) == wide.caption(images * 2, prompts)
    drawn = wide.caption(images * 2, prompts, sampling=sampling)
    assert narrow.caption(images * 2, prompts, sampling=sampling) == drawn
    assert texts(drawn[:3]) != texts(drawn[3:])  # the same images and prompts, other seeds


def test_a_prompt_that_the_model_has_no_room_for_is_refused_and_the_others_answered(
    model_folder: Path, tokenizer_folder: Path, images: list[Image.Image]
) -> None:
    captioner = make_captioner(model_folder, tokenizer_folder)
    sampling = Sampling(seeds=(1, 2, 3))
    long = "red " * 48  # 64 positions: 4 up to the image's end, 4 of the template, 9 of text, so 47 words
    refused = captioner.caption(images, [PROMPT, long, "red cat"], sampling=sampling)
    assert (refused[1].text, refused[1].finish_reason, refused[1].tokens) == ("", "refused", 0)
    assert refused[1].prompt_hash == prompt_hash(long)
    just = captioner.caption(images, [PROMPT, "red " * 47, "red cat"], sampling=sampling)
    assert just[1].finish_reason != "refused"
    assert [refused[0], refused[2]] == [just[0], just[2]]


def test_no_images_no_captions(model_folder: Path, tokenizer_folder: Path, images: list[Image.Image]) -> None:
    captioner = make_captioner(model_folder, tokenizer_folder)
    assert captioner.caption([], []) == []
    with pytest.raises(ValueError, match="3 images and 1 prompts"):
        captioner.caption(images, [PROMPT])


def test_a_cogvlm2_folder_with_its_tokenizer_and_remote_code_entries_needs_no_remote_code(
    tokenizer_folder: Path, images: list[Image.Image]
) -> None:
    # Published folders hold model and tokenizer together, and name code that must never be run.
    random_model(small_config(v2=True)).save_pretrained(tokenizer_folder)
    path = tokenizer_folder / "config.json"
    entries = {"architectures": ["CogVLMForCausalLM"], "auto_map": {"AutoConfig": "configuration_cogvlm.CogVLMConfig"}}
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))
    captioner = CogVLMCaptioner(model=str(tokenizer_folder), dtype="float32", device="cpu", max_new_tokens=3)
    captioner.setup()
    assert len(captioner.caption(images, [PROMPT] * 3)) == 3


def test_a_tokenizer_that_is_not_the_models_is_refused_before_weights_are_read(
    tokenizer_folder: Path, tmp_path: Path
) -> None:
    config = small_config(v2=False)
    CogVLM(type(config)(**{**vars(config), "vocab_size": 60})).save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="has 50 tokens, the model 60"):
        CogVLMCaptioner(model=str(tmp_path / "model"), tokenizer=str(tokenizer_folder)).setup()


def test_check_refuses_what_cannot_work(model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere/config\.json: no such file"):
        CogVLMCaptioner(model=str(tmp_path / "nowhere")).check()
    for name in ("max_new_tokens", "slots", "threads"):
        with pytest.raises(ValueError, match=f"{name} is 0"):
            CogVLMCaptioner(model=str(model_folder), **{name: 0}).check()
    with pytest.raises(ValueError, match="acceleration is cuda-graphs and device is cpu"):
        CogVLMCaptioner(model=str(model_folder), acceleration="cuda-graphs", device="cpu").check()


def test_auto_is_the_gpu_where_there_is_one(tokenizer_folder: Path) -> None:
    random_model(small_config(v2=True)).save_pretrained(tokenizer_folder)
    captioner = CogVLMCaptioner(model=str(tokenizer_folder))
    captioner.setup()
    assert captioner._model.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert captioner._model.dtype == torch.bfloat16


def test_settings_need_no_pytorch() -> None:
    code = "import sys; from captioning.cogvlm import CogVLMCaptioner, CogVLMConfig; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
