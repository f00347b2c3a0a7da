"""The small CogVLM loads as a published one does, and has learnt how captions read."""

import json
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from transformers import AutoTokenizer

from captioning.cogvlm import CogVLM, CogVLMCaptioner
from captioning.prompts import PROMPT
from pipelines.miniature import captioner
from pipelines.miniature.captions import dense_caption
from pipelines.miniature.composition import make_scenes
from pipelines.miniature.drawing import draw, on_white

SCENES = make_scenes(6, seed=99)


def test_it_captions_through_the_projects_captioner(models: Path) -> None:
    small = CogVLMCaptioner(
        model=str(models / "cogvlm"),
        tokenizer=str(models / "cogvlm-tokenizer"),
        max_new_tokens=120,
        dtype="float32",
        device="cpu",
    )
    small.check()
    small.setup()
    captions = small.caption([on_white(draw(scene)) for scene in SCENES], [PROMPT] * len(SCENES))
    assert all("picture of" in caption.text for caption in captions)
    assert sum(caption.finish_reason == "stop" for caption in captions) >= 4


def test_it_expects_the_captions_of_scenes_it_was_not_taught(models: Path) -> None:
    model = CogVLM.from_pretrained(models / "cogvlm", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(models / "cogvlm-tokenizer")
    prompt = captioner.encode_prompt(tokenizer)
    ids, next_ids = captioner.examples(tokenizer, prompt, [dense_caption(scene) for scene in SCENES])
    with torch.inference_mode():
        logits = model(captioner.pixels(model, SCENES), ids)[:, -ids.shape[1] :]
    loss = F.cross_entropy(logits.flatten(0, 1), next_ids.flatten(), ignore_index=-100)
    assert loss < 2, "a model that had learnt nothing would be at 6.2, the logarithm of its vocabulary"


def test_examples_ask_for_the_caption_and_its_end_and_for_nothing_else(models: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(models / "cogvlm-tokenizer")
    ids, next_ids = captioner.examples(tokenizer, [7, 8, 9], ["a red star", "a red star above a heart"])
    assert ids.shape == next_ids.shape
    for row, wanted, text in zip(
        ids.tolist(), next_ids.tolist(), ["a red star", "a red star above a heart"], strict=True
    ):
        caption = [*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id]
        assert row[:3] == [7, 8, 9]
        assert row[3 : 3 + len(caption)] == caption
        assert [token for token in wanted if token != -100] == caption
        assert wanted[2 : 2 + len(caption)] == caption


def test_the_measured_quality_is_in_the_record(models: Path) -> None:
    held_out = json.loads((models / "models.json").read_text())["models"]["cogvlm"]["held_out"]
    assert held_out.keys() == {"ended", "background_right", "first_thing_right"}
    assert all(0 <= share <= 1 for share in held_out.values())


def test_same_seed_same_bytes(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SCENES", 6), ("HELD_OUT_SCENES", 2), ("STEPS", 3)):
        monkeypatch.setattr(captioner, name, value)
    results = [captioner.make_cogvlm(tmp_path / name, models / "cogvlm-tokenizer", seed=4) for name in ("one", "two")]
    assert results[0] == results[1]
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert one.keys() >= {"config.json", "model.safetensors"}
