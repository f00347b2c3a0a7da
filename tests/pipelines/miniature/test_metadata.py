"""Metadata has the published columns and types, and the published sets' imperfections."""

import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipelines.miniature.composition import make_scenes
from pipelines.miniature.drawing import draw
from pipelines.miniature.metadata import Link, perceptual_hash, write_coyo, write_laion

PUBLISHED = {
    "laion/relaion2B-en-research-safe.parquet": (
        "url string, caption string, similarity double, width int32, height int32, punsafe float, pwatermark float, "
        "exif string"
    ),
    "laion/laion2B-en-aesthetic-v2.parquet": (
        "URL string, TEXT string, WIDTH int32, HEIGHT int32, similarity double, hash int64, pwatermark float, "
        "punsafe float, AESTHETIC_SCORE float"
    ),
    "coyo/part-00000.snappy.parquet": (
        "id int64, url string, text string, width int32, height int32, image_phash string, text_length int32, "
        "word_count int32, num_tokens_bert int32, num_tokens_gpt int32, num_faces int32, "
        "clip_similarity_vitb32 float, clip_similarity_vitl14 float, nsfw_score_opennsfw2 float, "
        "nsfw_score_gantman float, watermark_score float, aesthetic_score_laion_v2 float"
    ),
}


def _link(number: int, **changes: object) -> Link:
    fields = {
        "url": f"http://127.0.0.1:20000/images/{number:05d}.jpg",
        "text": f"three words {number}",
        "width": 640,
        "height": 480 + number,
        "phash": "00ff00ff00ff00ff",
        "vividness": 0.5,
    }
    return Link(**(fields | changes))  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    links = [_link(number) for number in range(41)]
    links[3] = _link(3, url=None, text=None)
    links[5] = _link(5, vividness=math.nan)
    write_laion(tmp_path / "laion", links, seed=0)
    write_coyo(tmp_path / "coyo", links, seed=0)
    return tmp_path


@pytest.mark.parametrize("name", PUBLISHED)
def test_columns_and_types_are_the_published_ones(folder: Path, name: str) -> None:
    schema = pq.read_schema(folder / name)
    assert ", ".join(f"{field.name} {field.type}" for field in schema) == PUBLISHED[name]


def test_laion_is_halved_and_no_row_is_lost(folder: Path) -> None:
    lower = pq.read_table(folder / "laion" / "relaion2B-en-research-safe.parquet")
    upper = pq.read_table(folder / "laion" / "laion2B-en-aesthetic-v2.parquet")
    assert (lower.num_rows, upper.num_rows) == (21, 20)
    expected = [None if n == 3 else _link(n).url for n in range(41)]
    assert [*lower["url"].to_pylist(), *upper["URL"].to_pylist()] == expected
    assert lower["caption"].to_pylist()[3] is None


def test_width_and_height_are_swapped_now_and_then_in_laion_and_never_in_coyo(folder: Path) -> None:
    lower = pq.read_table(folder / "laion" / "relaion2B-en-research-safe.parquet").to_pylist()
    swapped = [row for number, row in enumerate(lower) if (row["width"], row["height"]) == (480 + number, 640)]
    right = [row for number, row in enumerate(lower) if (row["width"], row["height"]) == (640, 480 + number)]
    assert len(swapped) + len(right) == len(lower)
    assert 0 < len(swapped) < len(right)
    coyo = pq.read_table(folder / "coyo" / "part-00000.snappy.parquet").to_pylist()
    assert [row["width"] for row in coyo] == [640] * len(coyo)


def test_coyo_counts_are_of_the_text_and_ids_are_different(folder: Path) -> None:
    rows = pq.read_table(folder / "coyo").to_pylist()
    assert len({row["id"] for row in rows}) == len(rows) == 41
    for row in rows:
        assert row["text_length"] == len(row["text"] or "")
        assert row["word_count"] == len((row["text"] or "").split())


def test_published_scores_follow_vividness_and_can_be_missing(tmp_path: Path, folder: Path) -> None:
    scores = [row["aesthetic_score_laion_v2"] for row in pq.read_table(folder / "coyo").to_pylist()]
    assert [number for number, score in enumerate(scores) if math.isnan(score)] == [5]
    write_coyo(tmp_path / "spread", [_link(n, vividness=n % 2) for n in range(40)], seed=0)
    scores = [row["aesthetic_score_laion_v2"] for row in pq.read_table(tmp_path / "spread").to_pylist()]
    assert max(scores[::2]) < min(scores[1::2])


def test_same_links_same_bytes(tmp_path: Path, folder: Path) -> None:
    links = [_link(number) for number in range(4)]
    for name in ("one", "two"):
        write_laion(tmp_path / name, links, seed=1)
        write_coyo(tmp_path / name, links, seed=1)
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert len(one) == 4


def test_a_perceptual_hash_outlives_resizing_and_tells_pictures_apart() -> None:
    first, other = (draw(scene).convert("RGB") for scene in make_scenes(2, seed=0))

    def differing_bits(one: Image.Image, two: Image.Image) -> int:
        return (int(perceptual_hash(one), 16) ^ int(perceptual_hash(two), 16)).bit_count()

    assert len(perceptual_hash(first)) == 16
    assert differing_bits(first, first.resize((200, 200))) <= 4
    assert differing_bits(first, other) >= 12
