"""The small predictor's score means vividness, on pictures and through loaders that the fit has not seen."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from curation.aesthetic import AestheticHead, AestheticPredictor
from pipelines.miniature.aesthetic import head_weights, make_clip, rank_correlation
from pipelines.miniature.composition import make_scenes
from pipelines.miniature.drawing import draw, on_white

RELEASED_KEYS = {f"layers.{layer}.{kind}" for layer in (0, 2, 4, 6, 7) for kind in ("weight", "bias")}


def test_the_score_follows_vividness_on_pictures_that_were_stored_as_jpeg(models: Path) -> None:
    scenes = make_scenes(60, seed=77)
    pictures = []
    for scene in scenes:
        stored = io.BytesIO()
        on_white(draw(scene)).save(stored, "JPEG", quality=85)
        pictures.append(Image.open(stored))
    predictor = AestheticPredictor.from_pretrained(
        str(models / "clip"), head=str(models / "clip" / "aesthetic_head.pth"), device="cpu"
    )
    scores = predictor.score(pictures).numpy().astype(np.float64)
    assert rank_correlation(scores, np.array([scene.vividness for scene in scenes])) > 0.7
    assert 0.35 < (scores > 6).mean() < 0.65
    assert 1 < scores.min() < 5
    assert 7 < scores.max() < 11


def test_the_measured_fit_is_in_the_record(models: Path) -> None:
    record = json.loads((models / "models.json").read_text())["models"]["clip/aesthetic_head.pth"]
    assert record["trained"]
    assert 0.6 < record["held_out"]["rank_correlation"] <= 1
    assert 0.3 < record["held_out"]["share_over_6"] < 0.7


def test_the_head_is_a_plain_state_dict_with_the_released_keys(models: Path) -> None:
    state = torch.load(models / "clip" / "aesthetic_head.pth", weights_only=True)
    assert state.keys() == RELEASED_KEYS
    assert state["layers.0.weight"].shape == (1024, 128)
    assert state["layers.7.weight"].shape == (1, 16)


def test_the_text_tower_works_with_open_clips_tokenizer(models: Path) -> None:
    import open_clip

    model, _ = open_clip.create_model_from_pretrained(f"local-dir:{models / 'clip'}")
    tokens = open_clip.get_tokenizer(f"local-dir:{models / 'clip'}")(["a red star", "a blue heart"])
    with torch.inference_mode():
        embeddings = model.encode_text(tokens, normalize=True)
    assert embeddings.shape == (2, 128)
    assert not torch.allclose(embeddings[0], embeddings[1])


def test_the_regression_goes_through_the_five_layers_exactly(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    slope, embeddings = rng.normal(size=24), rng.normal(size=(5, 24))
    torch.save(head_weights(slope, 5.5), tmp_path / "head.pth")
    scores = AestheticHead.from_pretrained(str(tmp_path / "head.pth"))(torch.from_numpy(embeddings).float())
    assert scores.detach().numpy() == pytest.approx(embeddings @ slope + 5.5, abs=1e-4)


def test_same_seed_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.miniature.aesthetic.FIT_SCENES", 20)
    monkeypatch.setattr("pipelines.miniature.aesthetic.HELD_OUT_SCENES", 5)
    results = [make_clip(tmp_path / name, seed=4) for name in ("one", "two")]
    assert results[0] == results[1]
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert len(one) == 3


def test_rank_correlation_is_of_ranks() -> None:
    values = np.array([0.1, 5.0, 2.0, 3.0])
    assert rank_correlation(values, np.exp(values)) == pytest.approx(1)
    assert rank_correlation(values, -values) == pytest.approx(-1)
    assert rank_correlation(values, np.array([1.0, 4.0, 3.0, 2.0])) == pytest.approx(0.8)
