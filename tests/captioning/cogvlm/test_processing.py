"""Pixels, prompts and token ids."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from captioning.cogvlm import CogVLMConfig
from captioning.cogvlm.processing import TEMPLATES, decode, encode, load_tokenizer, preprocess
from tests.captioning.cogvlm.tiny import small_config


def test_pixels_are_normalised_as_clip_has_them() -> None:
    pixels = preprocess([Image.new("RGB", (24, 24), (255, 0, 51))], 24)
    assert pixels.shape == (1, 3, 24, 24)
    assert pixels.dtype == torch.float32
    expected = [(1 - 0.48145466) / 0.26862954, -0.4578275 / 0.26130258, (0.2 - 0.40821073) / 0.27577711]
    torch.testing.assert_close(pixels[0, :, 5, 7], torch.tensor(expected))


def test_images_are_squeezed_not_cropped() -> None:
    image = Image.new("RGB", (90, 30), "black")
    image.paste("white", (0, 0, 20, 30))  # at the far left, where a centre crop would lose it
    column = preprocess([image], 9)[0, 0].mean(0)
    assert column[0] > 1.8 > -1.7 > column[-1]


def test_resizing_is_bicubic() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    resized = np.asarray(Image.fromarray(noise).resize((24, 24), Image.Resampling.BICUBIC), dtype=np.float32)
    ours = preprocess([Image.fromarray(noise)], 24)[0, 1] * 0.26130258 + 0.4578275
    torch.testing.assert_close(ours, torch.from_numpy(resized[:, :, 1] / 255), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    pixels = preprocess([Image.new("RGB", (8, 8), "white").convert(mode)], 24)
    torch.testing.assert_close(pixels, preprocess([Image.new("RGB", (8, 8), "white")], 24))


def test_templates() -> None:
    said = {name: template.format(question="What is it?") for name, template in TEMPLATES.items()}
    assert said == {
        "chat": "Question: What is it? Answer:",
        "vqa": "Question: What is it? Short answer:",
        "base": "What is it?",
    }


def test_ids_have_no_special_tokens_and_come_back_as_text(tokenizer_folder: Path) -> None:
    tokenizer = load_tokenizer(str(tokenizer_folder), folder="", config=small_config(v2=False))
    ids = encode(tokenizer, "What is it?", "chat")
    assert tokenizer.convert_ids_to_tokens(ids) == ["Question", ":", "What", "is", "it", "?", "Answer", ":"]
    assert decode(tokenizer, [*ids[2:5], 2]).split() == ["What", "is", "it"]


def test_a_special_token_in_a_question_is_plain_text(tokenizer_folder: Path) -> None:
    tokenizer = load_tokenizer(str(tokenizer_folder), folder="", config=small_config(v2=False))
    assert tokenizer.eos_token == "</s>"
    ids = encode(tokenizer, "What </s> is <s> it?", "chat")
    assert not {tokenizer.eos_token_id, tokenizer.bos_token_id} & set(ids)


def test_braces_in_a_question_are_left_alone(tokenizer_folder: Path) -> None:
    tokenizer = load_tokenizer(str(tokenizer_folder), folder="", config=small_config(v2=False))
    assert encode(tokenizer, "{question}", "base") == encode(tokenizer, "{ question }", "base")


def test_a_tokenizer_of_another_size_is_refused(tokenizer_folder: Path) -> None:
    smaller = CogVLMConfig(**{**vars(small_config(v2=False)), "vocab_size": 49})
    with pytest.raises(ValueError, match=rf"tokenizer {tokenizer_folder} has 50 tokens, the model 49: set `tokenizer`"):
        load_tokenizer(str(tokenizer_folder), folder="", config=smaller)


def test_a_cogvlm2_brings_its_tokenizer(tokenizer_folder: Path) -> None:
    assert len(load_tokenizer(None, folder=str(tokenizer_folder), config=small_config(v2=True))) == 50
