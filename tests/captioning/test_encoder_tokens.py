"""Tokens of a text encoder that is named by its folder, and what is said where it has no tokenizer."""

import json
from pathlib import Path

import pytest

from captioning import encoder_tokens
from captioning.encoder_tokens import EncoderTokenizer, short_name
from tests.captioning.tiny_tokenizer import save_tokenizer


@pytest.fixture
def encoder(tmp_path: Path) -> str:
    return save_tokenizer(tmp_path / "tiny-encoder")


def test_special_tokens_count_and_nothing_is_cut_or_padded(
    encoder: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tokenizer was saved to cut at 5 and pad to 8."""
    assert EncoderTokenizer(encoder).count(["a red dog", "", "dog " * 300, "a zebra!"]) == [4, 1, 301, 4]
    assert EncoderTokenizer(encoder).count([]) == []
    assert caplog.messages == []
    assert capsys.readouterr() == ("", "")


def test_half_a_surrogate_pair_is_counted(encoder: str) -> None:
    assert EncoderTokenizer(encoder).count(["a \ud800 dog"]) == [4]


def test_a_folder_without_a_tokenizer_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"text encoder '.*': no tokenizer there; expected a folder with") as caught:
        EncoderTokenizer(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_model_without_its_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}))
    with pytest.raises(ValueError, match=r"no (fast )?tokenizer there") as caught:
        EncoderTokenizer(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_name_that_nobody_answers_for_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Port 9 of this machine has no server."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ValueError, match=r"text encoder 'nobody/nothing': no tokenizer .* refused") as caught:
        EncoderTokenizer("nobody/nothing")
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().err == ""


def test_a_folder_that_is_not_there_is_not_asked_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_tokens, "urlopen", lambda *_, **__: pytest.fail("asked"))
    with pytest.raises(ValueError, match="no tokenizer there"):
        EncoderTokenizer("/no/such/folder")


@pytest.mark.parametrize("path", ["google/flan-t5-xl", "/models/flan-t5-xl/", "flan-t5-xl"])
def test_the_short_name_is_the_last_part(path: str) -> None:
    assert short_name(path) == "flan-t5-xl"
