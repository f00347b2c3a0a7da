"""Native transformers models of two families, from folders on disk."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from captioning.captioner import Sampling, prompt_hash
from captioning.engines import TransformersCaptioner
from curation.revision import folder_revision
from tests.captioning.engines.small_models import CONTEXT, save_llava, save_qwen

PROMPTS = ["Describe this image .", "What is it ?", "A", "Describe this image .", "Describe the red house and the tree"]


@pytest.fixture(scope="module")
def images() -> list[Image.Image]:
    noise = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    return [Image.fromarray(pixels) for pixels in noise]


@pytest.fixture(scope="module", params=[save_llava, save_qwen], ids=["llava", "qwen2-vl"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model")
    save: Callable[[Path], None] = request.param
    save(path)
    return str(path)


def make_captioner(folder: str, max_new_tokens: int = 8) -> TransformersCaptioner:
    captioner = TransformersCaptioner(model=folder, dtype="float32", device="cpu", max_new_tokens=max_new_tokens)
    captioner.check()
    captioner.setup()
    return captioner


@pytest.fixture(scope="module")
def captioner(folder: str) -> TransformersCaptioner:
    return make_captioner(folder)


def greedy(folder: str, image: Image.Image, prompt: str, length: int) -> list[int]:
    """The likeliest tokens, one forward of the whole sequence after the other, up to and without one that ends it."""
    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    ends = model.generation_config.eos_token_id
    content = [{"type": "image", "image": image}, {"type": "text", "text": prompt}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    tokens: list[int] = []
    while len(tokens) < length:
        with torch.inference_mode():
            logits = model(**inputs).logits[0, -1]
            logits[model.generation_config.suppress_tokens] = -torch.inf  # those that stand for images
            token = int(logits.argmax())
        if token in ([ends] if isinstance(ends, int) else ends):
            break
        tokens.append(token)
        inputs["input_ids"] = torch.cat([inputs["input_ids"], torch.tensor([[token]])], 1)
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        if "mm_token_type_ids" in inputs:
            inputs["mm_token_type_ids"] = torch.nn.functional.pad(inputs["mm_token_type_ids"], (0, 1))
    return tokens


def test_captions_are_the_greedy_continuation_of_image_and_chat(
    captioner: TransformersCaptioner, folder: str, images: list[Image.Image]
) -> None:
    tokenizer = AutoProcessor.from_pretrained(folder).tokenizer
    captions = captioner.caption(images, PROMPTS)
    for image, prompt, caption in zip(images, PROMPTS, captions, strict=True):
        expected = greedy(folder, image, prompt, 8)
        assert caption.text == tokenizer.decode(expected, skip_special_tokens=True)
        assert caption.tokens == len(expected)
        assert caption.finish_reason == ("stop" if len(expected) < 8 else "length")
        assert (caption.model, caption.revision) == (folder, folder_revision(folder))
        assert caption.prompt_hash == prompt_hash(prompt)
    assert len({caption.text for caption in captions}) > 1


def test_both_ways_of_ending_occur(captioner: TransformersCaptioner, images: list[Image.Image]) -> None:
    flat = [Image.new("RGB", (16, 16), (step * 12, 255 - step * 12, step * 7)) for step in range(20)]
    reasons = {caption.finish_reason for caption in captioner.caption([*images, *flat], ["A"] * 25)}
    assert reasons == {"stop", "length"}


def test_a_batch_says_what_each_image_gets_alone(captioner: TransformersCaptioner, images: list[Image.Image]) -> None:
    for sampling in (None, Sampling(seeds=(5, 6, 7, 8, 9), temperature=1.5)):
        alone = [
            captioner.caption([image], [prompt], sampling=sampling and Sampling(seeds=(5 + row,), temperature=1.5))[0]
            for row, (image, prompt) in enumerate(zip(images, PROMPTS, strict=True))
        ]
        assert captioner.caption(images, PROMPTS, sampling=sampling) == alone


def test_what_is_drawn_depends_on_the_seed(captioner: TransformersCaptioner, images: list[Image.Image]) -> None:
    def draw(first: int) -> list[str]:
        sampling = Sampling(seeds=tuple(range(first, first + 5)), temperature=2.0)
        return [caption.text for caption in captioner.caption(images, PROMPTS, sampling=sampling)]

    assert draw(1) == draw(1)
    assert draw(1) != draw(100)


def test_a_prompt_over_the_context_is_refused_and_the_others_are_answered(
    captioner: TransformersCaptioner, images: list[Image.Image]
) -> None:
    prompts = [*PROMPTS[:2], "red " * CONTEXT, *PROMPTS[3:]]
    captions = captioner.caption(images, prompts)
    assert [caption.finish_reason == "refused" for caption in captions] == [False, False, True, False, False]
    assert (captions[2].text, captions[2].tokens) == ("", 0)
    rest = [0, 1, 3, 4]
    assert [captions[row] for row in rest] == captioner.caption(
        [images[row] for row in rest], [prompts[row] for row in rest]
    )
    sampling = Sampling(seeds=(1, 2, 3, 4, 5), temperature=2.0)
    drawn = captioner.caption(images, prompts, sampling=sampling)
    assert drawn[3] == captioner.caption([images[3]], [prompts[3]], sampling=Sampling(seeds=(4,), temperature=2.0))[0]


def test_images_of_any_mode_are_taken(captioner: TransformersCaptioner, images: list[Image.Image]) -> None:
    grey = images[0].convert("L")
    assert captioner.caption([grey], ["A"]) == captioner.caption([grey.convert("RGB")], ["A"])


def test_no_images_no_captions(captioner: TransformersCaptioner, images: list[Image.Image]) -> None:
    assert captioner.caption([], []) == []
    with pytest.raises(ValueError, match="5 images and 1 prompts"):
        captioner.caption(images, ["A"])


def test_code_that_a_checkpoint_brings_is_never_run(tmp_path: Path) -> None:
    save_llava(tmp_path)
    (tmp_path / "evil.py").write_text("raise SystemExit('run')")
    config = json.loads((tmp_path / "config.json").read_text())
    entry = {
        "AutoConfig": "evil.Config",
        "AutoModelForImageTextToText": "evil.Model",
        "AutoProcessor": "evil.Processor",
    }
    (tmp_path / "config.json").write_text(json.dumps({**config, "auto_map": entry}))
    make_captioner(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "evil", "auto_map": entry}))
    with pytest.raises(ValueError, match=r"trust_remote_code|model type"):
        make_captioner(str(tmp_path))


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    save_llava(tmp_path)
    for file in tmp_path.glob("*chat_template*"):
        file.unlink()
    with pytest.raises(ValueError, match="has no chat template"):
        make_captioner(str(tmp_path))


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="max_new_tokens is 0"):
        TransformersCaptioner(model="x", max_new_tokens=0).check()
