"""Images to scores, against the same model taken apart."""

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from curation.aesthetic import AestheticHead, AestheticPredictor
from curation.aesthetic.transform import ClipTransform
from tests.curation.aesthetic.conftest import SIZE


def _images(count: int) -> list[Image.Image]:
    """Noise, whose short edge is the one that the small CLIP takes: nothing is resized, and transforms agree."""
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 256, (SIZE, 48, 3), dtype=np.uint8)) for _ in range(count)]


def _by_hand(clip_folder: Path, head_file: Path, images: list[Image.Image], quick_gelu: bool = False) -> torch.Tensor:
    """(N,): every image alone, through open_clip's own normalised embedding and the head."""
    clip, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{clip_folder}", force_quick_gelu=quick_gelu)
    head = AestheticHead.from_pretrained(str(head_file))
    with torch.inference_mode():
        pixels = [preprocess(image).unsqueeze(0) for image in images]
        return torch.cat([head(clip.eval().encode_image(one, normalize=True)) for one in pixels])


@pytest.fixture
def predictor(clip_folder: Path, head_file: Path) -> AestheticPredictor:
    return AestheticPredictor.from_pretrained(model=str(clip_folder), head=str(head_file), device="cpu")


def test_scores_are_the_heads_of_normalised_embeddings(
    predictor: AestheticPredictor, clip_folder: Path, head_file: Path
) -> None:
    images = _images(5)
    expected = _by_hand(clip_folder, head_file, images)
    scores = predictor.score(images)
    assert (scores.dtype, scores.device.type, scores.requires_grad) == (torch.float32, "cpu", False)
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-5)
    assert expected.std() > 1e-3  # the five do differ


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_scores_do_not_depend_on_the_batch(predictor: AestheticPredictor, batch_size: int) -> None:
    images = _images(5)
    pixels = torch.stack([predictor.preprocess(image) for image in images])
    expected = predictor.score(pixels)
    torch.testing.assert_close(predictor.score(images, batch_size), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(predictor.score(pixels.flip(0), batch_size).flip(0), expected, rtol=0, atol=1e-5)


def test_its_transform_is_the_fast_one_with_the_models_own_numbers(
    predictor: AestheticPredictor, clip_folder: Path
) -> None:
    assert isinstance(predictor.preprocess, ClipTransform)
    own = open_clip.create_model_from_pretrained(f"local-dir:{clip_folder}")[1]
    for image in _images(3):
        assert torch.equal(predictor.preprocess(image), own(image))


def test_no_images_have_no_scores(predictor: AestheticPredictor) -> None:
    assert predictor.score([]).shape == (0,)
    assert predictor.similarities(predictor.embed([]), []).shape == (0,)


def test_similarities_are_the_cosines_of_image_and_text(predictor: AestheticPredictor, clip_folder: Path) -> None:
    images, texts = _images(3), ["a red star", "a blue heart", "a red star"]
    clip, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{clip_folder}")
    tokens = open_clip.get_tokenizer(f"local-dir:{clip_folder}")(texts)
    with torch.inference_mode():
        pixels = torch.stack([preprocess(image) for image in images])
        ours, theirs = clip.eval().encode_image(pixels), clip.encode_text(tokens)
        expected = torch.cosine_similarity(ours, theirs)  # (3,)
    found = predictor.similarities(predictor.embed(images), texts)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert expected.std() > 1e-3


def test_texts_without_images_or_a_tower_are_refused(predictor: AestheticPredictor) -> None:
    embeddings = predictor.embed(_images(2))
    with pytest.raises(ValueError, match="1 texts for 2 images"):
        predictor.similarities(embeddings, ["one"])
    bare = AestheticPredictor(predictor._tower, predictor._head, predictor.preprocess, torch.device("cpu"))
    with pytest.raises(ValueError, match="no text tower"):
        bare.similarities(embeddings, ["one", "two"])


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_close(
    precision: str, predictor: AestheticPredictor, clip_folder: Path, head_file: Path
) -> None:
    half = AestheticPredictor.from_pretrained(str(clip_folder), head=str(head_file), device="cpu", precision=precision)
    images = _images(4)
    difference = (half.score(images) - predictor.score(images)).abs().max()
    assert 0 < difference < 0.05


def test_the_activation_is_the_one_of_the_weights(
    clip_folder: Path, head_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = open_clip.get_model_config(f"local-dir:{clip_folder}")
    weights = {"file": str(clip_folder / "open_clip_model.safetensors")}
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "ViT-tiny", config)
    tags = {"openai": {**weights, "quick_gelu": True}, "other": weights}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "ViT-tiny", tags)
    images = _images(3)
    expected = {tag: _by_hand(clip_folder, head_file, images, quick_gelu=tag == "openai") for tag in tags}
    assert (expected["openai"] - expected["other"]).abs().max() > 1e-4
    for tag in tags:
        predictor = AestheticPredictor.from_pretrained("ViT-tiny", tag, str(head_file), device="cpu")
        torch.testing.assert_close(predictor.score(images), expected[tag], rtol=0, atol=1e-5)


def test_a_folder_without_weights_is_refused(clip_folder: Path, head_file: Path, tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_bytes((clip_folder / "open_clip_config.json").read_bytes())
    with pytest.raises(RuntimeError, match="could not be loaded"):
        AestheticPredictor.from_pretrained(str(tmp_path), head=str(head_file))


def test_what_cannot_fit_is_refused(clip_folder: Path, head_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither a folder nor a model"):
        AestheticPredictor.from_pretrained(str(tmp_path / "absent"), head=str(head_file))
    with pytest.raises(ValueError, match="expected fp32, fp16, bf16"):
        AestheticPredictor.from_pretrained(str(clip_folder), head=str(head_file), precision="int8")
    torch.save(AestheticHead().state_dict(), tmp_path / "wide.pth")
    with pytest.raises(ValueError, match=r"embeddings of 768, .* makes embeddings of 16"):
        AestheticPredictor.from_pretrained(str(clip_folder), head=str(tmp_path / "wide.pth"))
