"""Metadata of the miniature world's pictures, in the very schemas in which LAION and COYO publish theirs."""

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

RELAION = pa.schema(
    [
        ("url", pa.string()),
        ("caption", pa.string()),
        ("similarity", pa.float64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("punsafe", pa.float32()),
        ("pwatermark", pa.float32()),
        ("exif", pa.string()),
    ]
)
"""Re-LAION-2B-en-research-safe; it has no aesthetic score."""

LAION_AESTHETIC = pa.schema(
    [
        ("URL", pa.string()),
        ("TEXT", pa.string()),
        ("WIDTH", pa.int32()),
        ("HEIGHT", pa.int32()),
        ("similarity", pa.float64()),
        ("hash", pa.int64()),
        ("pwatermark", pa.float32()),
        ("punsafe", pa.float32()),
        ("AESTHETIC_SCORE", pa.float32()),
    ]
)
"""LAION-2B-en's aesthetic subsets, scored by the second predictor."""

COYO = pa.schema(
    [
        ("id", pa.int64()),
        ("url", pa.string()),
        ("text", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("image_phash", pa.string()),
        ("text_length", pa.int32()),
        ("word_count", pa.int32()),
        ("num_tokens_bert", pa.int32()),
        ("num_tokens_gpt", pa.int32()),
        ("num_faces", pa.int32()),
        ("clip_similarity_vitb32", pa.float32()),
        ("clip_similarity_vitl14", pa.float32()),
        ("nsfw_score_opennsfw2", pa.float32()),
        ("nsfw_score_gantman", pa.float32()),
        ("watermark_score", pa.float32()),
        ("aesthetic_score_laion_v2", pa.float32()),
    ]
)
"""COYO-700M. Its card's `long`, `integer` and `float` are int64, int32 and float32."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """One row's worth of metadata.

    Args:
        url: where the picture is said to be; it may well be wrong, or None.
        text: the alt-text, or None.
        width: pixels, as the crawler saw them.
        height: pixels.
        phash: perceptual hash, 16 hex digits.
        vividness: of the scene; the published score is made up around it, with noise. NaN gives a score of NaN.
        rotated: whether the file has an EXIF rotation.
    """

    url: str | None
    text: str | None
    width: int
    height: int
    phash: str
    vividness: float
    rotated: bool = False


def write_laion(folder: Path, links: Sequence[Link], seed: int) -> None:
    """Write the first half of `links` as Re-LAION and the second as an aesthetic subset: two files, two schemas."""
    rng = random.Random(f"laion {seed}")
    half = (len(links) + 1) // 2
    _write(folder / "relaion2B-en-research-safe.parquet", [_relaion_row(rng, link) for link in links[:half]], RELAION)
    rows = [_aesthetic_row(rng, link) for link in links[half:]]
    _write(folder / "laion2B-en-aesthetic-v2.parquet", rows, LAION_AESTHETIC)


def write_coyo(folder: Path, links: Sequence[Link], seed: int) -> None:
    """Write `links` as COYO-700M, in two parts."""
    rng = random.Random(f"coyo {seed}")
    rows = [_coyo_row(rng, link) for link in links]
    half = (len(rows) + 1) // 2
    _write(folder / "part-00000.snappy.parquet", rows[:half], COYO)
    _write(folder / "part-00001.snappy.parquet", rows[half:], COYO)


def perceptual_hash(picture: Image.Image) -> str:
    """The DCT hash in 16 hex digits: the 8 x 8 lowest frequencies of the picture at 32 x 32, above their median."""
    grey = np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.LANCZOS), np.float64)
    steps = np.arange(32)
    basis = np.cos(np.pi * steps[:8, None] * (2 * steps[None, :] + 1) / 64)  # (8, 32)
    low: npt.NDArray[np.float64] = basis @ grey @ basis.T  # (8, 8)
    bits = low.ravel() > np.median(low)
    return np.packbits(bits).tobytes().hex()


def _write(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="snappy")


def _relaion_row(rng: random.Random, link: Link) -> dict[str, Any]:
    width, height = _maybe_swapped(rng, link)
    return {
        "url": link.url,
        "caption": link.text,
        "similarity": rng.uniform(0.28, 0.42),
        "width": width,
        "height": height,
        "punsafe": rng.uniform(0, 0.2),
        "pwatermark": rng.uniform(0, 0.8),
        "exif": '{"Image Orientation": "Rotated"}' if link.rotated else "{}",
    }


def _aesthetic_row(rng: random.Random, link: Link) -> dict[str, Any]:
    width, height = _maybe_swapped(rng, link)
    digest = hashlib.blake2b(f"{link.url}{link.text}".encode(), digest_size=8).digest()
    return {
        "URL": link.url,
        "TEXT": link.text,
        "WIDTH": width,
        "HEIGHT": height,
        "similarity": rng.uniform(0.28, 0.42),
        "hash": int.from_bytes(digest, signed=True),
        "pwatermark": rng.uniform(0, 0.8),
        "punsafe": rng.uniform(0, 0.2),
        "AESTHETIC_SCORE": _published_score(rng, link),
    }


def _coyo_row(rng: random.Random, link: Link) -> dict[str, Any]:
    text = link.text or ""
    words = len(text.split())
    return {
        "id": rng.getrandbits(43),
        "url": link.url,
        "text": link.text,
        "width": link.width,
        "height": link.height,
        "image_phash": link.phash,
        "text_length": len(text),
        "word_count": words,
        "num_tokens_bert": round(1.3 * words) + 2,
        "num_tokens_gpt": round(1.4 * words),
        "num_faces": 0,
        "clip_similarity_vitb32": rng.uniform(0.2, 0.4),
        "clip_similarity_vitl14": rng.uniform(0.15, 0.35),
        "nsfw_score_opennsfw2": rng.uniform(0, 0.05),
        "nsfw_score_gantman": rng.uniform(0, 0.1),
        "watermark_score": rng.uniform(0, 0.5),
        "aesthetic_score_laion_v2": _published_score(rng, link),
    }


def _maybe_swapped(rng: random.Random, link: Link) -> tuple[int, int]:
    """Width and height, in the wrong order now and then, as in the published set."""
    return (link.height, link.width) if rng.random() < 0.25 else (link.width, link.height)


def _published_score(rng: random.Random, link: Link) -> float:
    score = 4.2 + 3.6 * link.vividness + rng.gauss(0, 0.4)
    return score if math.isnan(score) else min(9.0, max(1.5, score))
