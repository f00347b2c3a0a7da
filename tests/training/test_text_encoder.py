"""The text encoder: one length, padding masked inside and kept outside, frozen."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from transformers import T5EncoderModel

from tests.training import tiny
from training.errors import SettingsError
from training.text_encoder import T5TextEncoder

CAPTIONS = ["a red square on black", "", "blue " * 300]


@pytest.fixture(scope="module")
def encoder(text_encoder_folder: str) -> T5TextEncoder:
    return T5TextEncoder(text_encoder_folder)


def test_every_caption_has_the_same_length(encoder: T5TextEncoder) -> None:
    assert encoder.width == tiny.TEXT_WIDTH
    assert encoder(CAPTIONS).shape == (3, 128, tiny.TEXT_WIDTH)
    assert encoder(["a"]).shape == (1, 128, tiny.TEXT_WIDTH)


def test_a_shorter_length_can_be_set(text_encoder_folder: str) -> None:
    assert T5TextEncoder(text_encoder_folder, length=16)(CAPTIONS).shape == (3, 16, tiny.TEXT_WIDTH)


def test_padding_does_not_reach_the_words(encoder: T5TextEncoder, text_encoder_folder: str) -> None:
    ids = [tiny.WORDS.index(word) for word in ("a", "red", "square", "on", "black", "</s>")]
    with torch.no_grad():
        alone = T5EncoderModel.from_pretrained(text_encoder_folder)(input_ids=torch.tensor([ids])).last_hidden_state
    torch.testing.assert_close(encoder(CAPTIONS)[:1, : len(ids)], alone)


def test_padding_is_left_in_the_features(encoder: T5TextEncoder) -> None:
    assert encoder(CAPTIONS)[0, 6:].abs().sum() > 0


def test_long_captions_are_cut_and_end_with_the_end_token(encoder: T5TextEncoder) -> None:
    tokens = encoder.tokenizer([CAPTIONS[2]], truncation=True, max_length=encoder.length)["input_ids"][0]
    assert len(tokens) == 128
    assert tokens[-1] == tiny.WORDS.index("</s>")
    assert torch.equal(encoder([CAPTIONS[2]]), encoder([CAPTIONS[2] + "red"]))


def test_it_is_frozen(encoder: T5TextEncoder) -> None:
    encoder.train()
    assert not any(module.training for module in encoder.modules())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not encoder(CAPTIONS).requires_grad


def test_weights_are_kept_in_the_precision_asked_for(text_encoder_folder: str) -> None:
    assert T5TextEncoder(text_encoder_folder, precision="bfloat16")(["a"]).dtype == torch.bfloat16


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"text encoder '\S+/t5': cannot load it; expected a transformers folder"):
        T5TextEncoder(str(tmp_path / "t5"))


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", "cannot load it"),
        ("model.safetensors", "cannot load it"),
        ("tokenizer.json", "cannot load it"),
        ("tokenizer*", "no tokenizer there"),
    ],
)
def test_a_folder_that_lacks_a_file_is_refused(
    text_encoder_folder: str, tmp_path: Path, missing: str, message: str
) -> None:
    folder = tmp_path / "t5"
    shutil.copytree(text_encoder_folder, folder, ignore=shutil.ignore_patterns(missing))
    with pytest.raises(SettingsError, match=rf"text encoder '\S+/t5': {message}"):
        T5TextEncoder(str(folder))


def test_truncated_weights_are_refused(text_encoder_folder: str, tmp_path: Path) -> None:
    folder = tmp_path / "t5"
    shutil.copytree(text_encoder_folder, folder)
    os.truncate(folder / "model.safetensors", 100)
    with pytest.raises(SettingsError, match="cannot load it"):
        T5TextEncoder(str(folder))
