"""A small CLIP with random weights, and an aesthetic head for it that has learnt to see how vivid a scene is.

The image encoder is never trained: its embeddings, as random as they are, vary with contrast and saturation, and a
ridge regression from them to vividness is all the fitting there is. The regression is linear, and so is the
published head, layers and all, so its solution is put into those five layers exactly.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipelines.miniature.composition import make_scenes
from pipelines.miniature.drawing import draw, on_white
from pipelines.miniature.networks import seeded

if TYPE_CHECKING:
    import open_clip
    import torch
    from PIL import Image

Matrix = npt.NDArray[np.float64]

MODEL: dict[str, Any] = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": 224, "layers": 2, "width": 64, "head_width": 32, "patch_size": 32},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1},
}
"""open_clip's description of the model. The vocabulary is CLIP's own, which open_clip brings along."""

PREPROCESSING: dict[str, Any] = {
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}

HEAD_WIDTHS = (1024, 128, 64, 16, 1)
HEAD_LAYERS = (0, 2, 4, 6, 7)
"""Positions of the published head's linear layers among its dropouts; they are part of its keys."""

FIT_SCENES = 300
HELD_OUT_SCENES = 100
_EDGE = 224  # pixels that the encoder sees; larger drawings would only cost time
_RIDGE = 1e-3
_MIDDLE, _SPREAD = 6.0, 5.0  # the score of the median scene, and how far apart vividness 0 and 1 should score


def make_clip(folder: Path, seed: int) -> dict[str, float]:
    """Write an open_clip model folder with `aesthetic_head.pth` in it.

    Args:
        folder: is made.
        seed: of the weights, and of the scenes for fitting, which no world has.

    Returns:
        How well scores follow vividness on scenes that were not fitted: `rank_correlation` (Spearman's), and
        `share_over_6` of them.
    """
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    config = {"model_cfg": MODEL, "preprocess_cfg": PREPROCESSING}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
    scenes = make_scenes(FIT_SCENES + HELD_OUT_SCENES, seed=-1 - seed)
    vividness = np.array([scene.vividness for scene in scenes])
    with seeded(seed):
        model = open_clip.CLIP(**MODEL).eval()
        embeddings = _embed(model, [on_white(draw(scene, short_edge=_EDGE)) for scene in scenes])
    save_file(model.state_dict(), folder / "open_clip_model.safetensors", metadata={"format": "pt"})
    slope, offset = _fit(embeddings[:FIT_SCENES], vividness[:FIT_SCENES])
    torch.save(head_weights(slope, offset), folder / "aesthetic_head.pth")
    scores = embeddings[FIT_SCENES:] @ slope + offset
    return {
        "rank_correlation": round(rank_correlation(scores, vividness[FIT_SCENES:]), 3),
        "share_over_6": round(float(np.mean(scores > _MIDDLE)), 3),
    }


def _embed(model: "open_clip.CLIP", pictures: Sequence["Image.Image"]) -> Matrix:
    """(N, embed_dim): L2-normalised embeddings of RGB pictures."""
    import open_clip
    import torch

    preprocess = open_clip.image_transform(
        _EDGE,
        is_train=False,
        mean=tuple(PREPROCESSING["mean"]),
        std=tuple(PREPROCESSING["std"]),
        interpolation=PREPROCESSING["interpolation"],
        resize_mode=PREPROCESSING["resize_mode"],
    )
    rows = []
    with torch.inference_mode():
        for start in range(0, len(pictures), 50):
            pixels = torch.stack([preprocess(picture) for picture in pictures[start : start + 50]])  # (B, 3, 224, 224)
            rows.append(model.encode_image(pixels, normalize=True).numpy())
    return np.concatenate(rows).astype(np.float64)


def head_weights(slope: Matrix, offset: float) -> dict[str, "torch.Tensor"]:
    """A state dict in the published head's layout that computes `embedding @ slope + offset`.

    The first channel of every layer carries the value; all other weights are zero.
    """
    import torch

    weights: dict[str, torch.Tensor] = {}
    width = len(slope)
    for layer, out in zip(HEAD_LAYERS, HEAD_WIDTHS, strict=True):
        weight, bias = torch.zeros(out, width), torch.zeros(out)
        if layer == HEAD_LAYERS[0]:
            weight[0], bias[0] = torch.from_numpy(slope).float(), offset
        else:
            weight[0, 0] = 1.0
        weights |= {f"layers.{layer}.weight": weight, f"layers.{layer}.bias": bias}
        width = out
    return weights


def rank_correlation(left: Matrix, right: Matrix) -> float:
    """Spearman's: the correlation of ranks, -1 to 1; ties, which do not occur here, are ranked as they come."""
    ranks = [np.argsort(np.argsort(values)) for values in (left, right)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _fit(embeddings: Matrix, vividness: Matrix) -> tuple[Matrix, float]:
    """Ridge regression to the score; the offset puts the median of the fitted scenes at the middle."""
    centred = embeddings - embeddings.mean(axis=0)
    gram = centred.T @ centred + _RIDGE * np.eye(embeddings.shape[1])
    slope: Matrix = np.linalg.solve(gram, centred.T @ (_SPREAD * (vividness - vividness.mean())))
    return slope, float(_MIDDLE - np.median(embeddings @ slope))
