"""The text encoder: encoders and decoders, one length, padding masked inside and left or masked outside, frozen."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BartConfig, BartModel, LlamaModel, T5Config, T5EncoderModel, T5ForConditionalGeneration

from tests.training import tiny
from training.errors import SettingsError
from training.text_encoder import TextEncoder

CAPTIONS = ["a red square on black", "", "blue " * 300]


@pytest.fixture(scope="module")
def encoder(text_encoder_folder: str) -> TextEncoder:
    return TextEncoder(text_encoder_folder)


@pytest.fixture(scope="module")
def decoder_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.save_decoder(tmp_path_factory.mktemp("llama"), width=32)


@pytest.fixture(scope="module")
def decoder(decoder_folder: str) -> TextEncoder:
    return TextEncoder(decoder_folder)


def test_every_caption_has_the_same_length(encoder: TextEncoder) -> None:
    assert encoder.width == tiny.TEXT_WIDTH
    assert encoder(CAPTIONS).features.shape == (3, 128, tiny.TEXT_WIDTH)
    assert encoder(["a"]).features.shape == (1, 128, tiny.TEXT_WIDTH)


def test_a_shorter_length_can_be_set(text_encoder_folder: str) -> None:
    assert TextEncoder(text_encoder_folder, length=16)(CAPTIONS).features.shape == (3, 16, tiny.TEXT_WIDTH)


def test_padding_does_not_reach_the_words(encoder: TextEncoder, text_encoder_folder: str) -> None:
    ids = [tiny.WORDS.index(word) for word in ("a", "red", "square", "on", "black", "</s>")]
    with torch.no_grad():
        alone = T5EncoderModel.from_pretrained(text_encoder_folder)(input_ids=torch.tensor([ids])).last_hidden_state
    torch.testing.assert_close(encoder(CAPTIONS).features[:1, : len(ids)], alone)


def test_padding_is_left_in_the_features_and_attended_to(encoder: TextEncoder) -> None:
    text = encoder(CAPTIONS)
    assert text.features[0, 6:].abs().sum() > 0
    assert text.mask is None


def test_padding_can_be_masked(text_encoder_folder: str, encoder: TextEncoder) -> None:
    text = TextEncoder(text_encoder_folder, attend_to_padding=False)(CAPTIONS)
    assert text.mask is not None
    assert text.mask.dtype == torch.bool
    assert text.mask.sum(dim=1).tolist() == [6, 1, 128]
    assert text.mask[0, :6].all()
    assert torch.equal(text.features, encoder(CAPTIONS).features)


def test_long_captions_are_cut_and_end_with_the_end_token(encoder: TextEncoder) -> None:
    tokens = encoder.tokenizer([CAPTIONS[2]], truncation=True, max_length=encoder.length)["input_ids"][0]
    assert len(tokens) == 128
    assert tokens[-1] == tiny.WORDS.index("</s>")
    assert torch.equal(encoder([CAPTIONS[2]]).features, encoder([CAPTIONS[2] + "red"]).features)


def test_a_decoder_gives_its_last_hidden_state_without_its_head(decoder: TextEncoder, decoder_folder: str) -> None:
    ids = decoder.tokenizer(CAPTIONS[0], return_tensors="pt")["input_ids"]
    assert ids.shape == (1, 6)
    with torch.no_grad():
        alone = LlamaModel.from_pretrained(decoder_folder)(input_ids=ids).last_hidden_state
    assert decoder.width == 32
    assert not any("lm_head" in name for name, _ in decoder.named_parameters())
    torch.testing.assert_close(decoder(CAPTIONS).features[:1, :6], alone)


def test_a_decoder_is_padded_on_the_right_and_reads_left_to_right(decoder: TextEncoder) -> None:
    whole, start = (decoder([caption]).features[0] for caption in ("a red square on black", "a red"))
    torch.testing.assert_close(whole[:3], start[:3])
    assert not torch.allclose(whole[3], start[3])


def test_a_tokenizer_that_cannot_pad_pads_with_its_end(decoder: TextEncoder) -> None:
    ids = decoder.tokenizer(["a"], padding="max_length", max_length=4)["input_ids"]
    assert decoder.tokenizer.convert_ids_to_tokens(ids[0]) == ["<s>", "a", "</s>", "</s>"]


def test_an_empty_caption_without_any_token_is_one_padding_token(decoder_folder: str, tmp_path: Path) -> None:
    folder = tmp_path / "llama"
    shutil.copytree(decoder_folder, folder)
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "post_processor": None}))
    text = TextEncoder(str(folder), attend_to_padding=False)(["", "a red"])
    assert text.features.isfinite().all()
    assert text.mask is not None
    assert text.mask.sum(dim=1).tolist() == [1, 2]


def test_of_a_whole_t5_the_encoder_is_taken(text_encoder_folder: str, tmp_path: Path) -> None:
    folder = tmp_path / "flan-t5"
    shutil.copytree(text_encoder_folder, folder, ignore=shutil.ignore_patterns("*.safetensors", "config.json"))
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tiny.WORDS), d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False,
    )  # fmt: skip
    model = T5ForConditionalGeneration(config).eval()
    model.save_pretrained(folder)
    encoder = TextEncoder(str(folder))
    ids = encoder.tokenizer(CAPTIONS[:1], return_tensors="pt")["input_ids"]
    with torch.no_grad():
        expected = model.get_encoder()(input_ids=ids).last_hidden_state
    assert isinstance(encoder.model, T5EncoderModel)
    torch.testing.assert_close(encoder(CAPTIONS[:1]).features[:, :6], expected)


def test_of_another_encoder_decoder_the_encoder_is_taken(text_encoder_folder: str, tmp_path: Path) -> None:
    folder = tmp_path / "bart"
    shutil.copytree(text_encoder_folder, folder, ignore=shutil.ignore_patterns("*.safetensors", "config.json"))
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=len(tiny.WORDS), d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16,
        decoder_ffn_dim=16, encoder_attention_heads=2, decoder_attention_heads=2, max_position_embeddings=128,
        pad_token_id=0, eos_token_id=1, bos_token_id=1, decoder_start_token_id=1, forced_eos_token_id=None,
    )  # fmt: skip
    model = BartModel(config).eval()
    model.save_pretrained(folder)
    encoder = TextEncoder(str(folder))
    ids = encoder.tokenizer(CAPTIONS[:1], return_tensors="pt")["input_ids"]
    with torch.no_grad():
        expected = model(input_ids=ids).encoder_last_hidden_state
    assert encoder.width == 16
    torch.testing.assert_close(encoder(CAPTIONS[:1]).features[:, :6], expected)


def test_it_is_frozen(encoder: TextEncoder) -> None:
    encoder.train()
    assert not any(module.training for module in encoder.modules())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not encoder(CAPTIONS).features.requires_grad


def test_weights_are_kept_and_run_in_the_precision_asked_for(text_encoder_folder: str, encoder: TextEncoder) -> None:
    assert TextEncoder(text_encoder_folder, precision="bfloat16")(["a"]).features.dtype == torch.bfloat16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = encoder(CAPTIONS).features
    assert torch.equal(mixed, encoder(CAPTIONS).features)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"text encoder '\S+/t5': cannot load it; expected a transformers folder"):
        TextEncoder(str(tmp_path / "t5"))


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
        TextEncoder(str(folder))


def test_weights_that_are_not_there_are_not_left_at_random(text_encoder_folder: str, tmp_path: Path) -> None:
    folder = tmp_path / "t5"
    shutil.copytree(text_encoder_folder, folder)
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.block.1.layer.0.SelfAttention.q.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(SettingsError, match=r"1 weights are missing: encoder\.block\.1\.layer\.0\.SelfAttention\.q"):
        TextEncoder(str(folder))


def test_truncated_weights_are_refused(text_encoder_folder: str, tmp_path: Path) -> None:
    folder = tmp_path / "t5"
    shutil.copytree(text_encoder_folder, folder)
    os.truncate(folder / "model.safetensors", 100)
    with pytest.raises(SettingsError, match="cannot load it"):
        TextEncoder(str(folder))
