"""Scores of a shard: every image has a row, whatever is wrong with it."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import open_clip
import pyarrow as pa
import pytest
import torch
from PIL import Image

from curation import storage
from curation.aesthetic import AestheticPredictor, AestheticScore
from curation.aesthetic.stage import Predictor
from curation.dataset import Dataset, Shard
from curation.manifest import differences, settings_of
from curation.schemas import IMAGES, SCORES
from curation.tar import TarWriter
from tests.curation.aesthetic.conftest import SIZE

SHARD = Shard(index=0)
ALT_TEXTS = {"000": "a red star", "001": "", "002": "a blue heart " * 40, "003": " \n", "004": "a cut off picture"}


def _pixels(seed: int) -> np.ndarray:
    """Noise that needs no resizing, so that open_clip's transform gives the same."""
    return np.random.default_rng(seed).integers(0, 256, (SIZE, 48, 3), dtype=np.uint8)


def _jpeg(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(_pixels(seed)).save(file, "JPEG")
    return file.getvalue()


def _write(dataset: Dataset, images: dict[str, bytes], failed: tuple[str, ...] = ()) -> None:
    rows = [
        {"key": key, "sample_id": f"id{key}", "status": "failed_to_download" if key in failed else "success"}
        | {"original_width": 600 + int(key), "original_height": 700 - int(key), "caption": ALT_TEXTS.get(key)}
        for key in sorted([*images, *failed])
    ]
    storage.write_table(dataset.image_table(SHARD), pa.Table.from_pylist(rows, IMAGES))
    with storage.atomic_writer(dataset.image_tar(SHARD)) as file, TarWriter(file) as tar:
        for key, content in images.items():
            if content:
                tar.write(key, {"jpg": content, "txt": b"text"})


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    dataset = Dataset(str(tmp_path))
    images = {f"{key:03d}": _jpeg(key) for key in range(9)} | {"004": _jpeg(4)[:300], "006": b""}
    _write(dataset, images, failed=("009", "010"))
    return dataset


@pytest.fixture
def stage(clip_folder: Path, head_file: Path) -> AestheticScore:
    stage = AestheticScore(model=str(clip_folder), head=str(head_file), device="cpu", batch_size=2, threads=2)
    stage.setup()
    return stage


def test_each_image_has_its_own_score(
    dataset: Dataset, stage: AestheticScore, clip_folder: Path, head_file: Path
) -> None:
    result = stage.process(dataset, SHARD)
    table = storage.read_table(stage.output(dataset, SHARD))
    assert table.schema.equals(SCORES)
    rows = {row["key"]: row for row in table.to_pylist()}
    assert list(rows) == [f"{key:03d}" for key in range(9)]
    predictor = AestheticPredictor.from_pretrained(str(clip_folder), head=str(head_file), device="cpu")
    for key in (0, 1, 2, 3, 5, 7, 8):
        alone = predictor.score([Image.open(io.BytesIO(_jpeg(key)))]).item()
        assert rows[f"{key:03d}"]["aesthetic"] == pytest.approx(alone, abs=6e-5)
        assert rows[f"{key:03d}"]["aesthetic"] == np.float32(round(rows[f"{key:03d}"]["aesthetic"], 4))
    assert len({row["aesthetic"] for row in rows.values()}) == 8  # seven different scores, and null
    assert rows["003"]["short_edge"] == 603
    assert rows["003"]["sample_id"] == "id003"
    assert (rows["004"]["aesthetic"], rows["004"]["short_edge"]) == (None, 604)
    assert rows["006"]["aesthetic"] is None
    assert (result.rows, result.kept) == (9, 7)
    assert result.rejects == {"undecodable": 1, "missing_member": 1}


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_scores_do_not_depend_on_the_batch(batch_size: int, dataset: Dataset, stage: AestheticScore) -> None:
    stage.process(dataset, SHARD)
    expected = storage.read_table(dataset.scores(SHARD))["aesthetic"].to_pylist()
    stage.batch_size, stage.threads = batch_size, 1
    stage.process(dataset, SHARD)
    found = storage.read_table(dataset.scores(SHARD))["aesthetic"].to_pylist()
    for one, other in zip(found, expected, strict=True):
        assert (one is None and other is None) or one == pytest.approx(other, abs=1.1e-4)


def test_a_score_that_is_no_number_is_null(
    dataset: Dataset, head_file: Path, clip_folder: Path, tmp_path: Path
) -> None:
    state = torch.load(head_file, weights_only=True)
    torch.save({**state, "layers.7.bias": torch.tensor([torch.nan])}, tmp_path / "nan.pth")
    stage = AestheticScore(model=str(clip_folder), head=str(tmp_path / "nan.pth"), device="cpu")
    stage.setup()
    result = stage.process(dataset, SHARD)
    assert storage.read_table(dataset.scores(SHARD))["aesthetic"].to_pylist() == [None] * 9
    assert result.rejects == {"no_score": 7, "undecodable": 1, "missing_member": 1}


def test_the_alt_text_is_compared_where_there_is_one(
    dataset: Dataset, stage: AestheticScore, clip_folder: Path
) -> None:
    stage.process(dataset, SHARD)
    rows = {row["key"]: row for row in storage.read_table(dataset.scores(SHARD)).to_pylist()}
    clip, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{clip_folder}")
    tokenize = open_clip.get_tokenizer(f"local-dir:{clip_folder}")
    for key in ("000", "002"):
        pixels = preprocess(Image.open(io.BytesIO(_jpeg(int(key))))).unsqueeze(0)
        with torch.inference_mode():
            image = clip.eval().encode_image(pixels, normalize=True)
            expected = (image @ clip.encode_text(tokenize([ALT_TEXTS[key]]), normalize=True).T).item()
        assert rows[key]["clip_similarity"] == pytest.approx(expected, abs=6e-5)
    assert rows["000"]["clip_similarity"] != rows["002"]["clip_similarity"]
    nulls = {key for key, row in rows.items() if row["clip_similarity"] is None}
    assert nulls == set(rows) - {"000", "002"}  # no text, only blanks, or no image


def test_the_hash_survives_recompression_and_tells_pictures_apart(stage: AestheticScore, tmp_path: Path) -> None:
    smooth = [Image.fromarray(_pixels(seed)[:6, :6]).resize((240, 240), Image.Resampling.BICUBIC) for seed in (0, 1)]
    contents = []
    for image, quality in ((smooth[0], 95), (smooth[0], 40), (smooth[1], 95)):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        contents.append(file.getvalue())
    dataset = Dataset(str(tmp_path / "hashes"))
    _write(dataset, {"000": contents[0], "001": contents[1], "002": contents[2], "003": b""})
    stage.process(dataset, SHARD)
    first, again, other, none = storage.read_table(dataset.scores(SHARD))["phash"].to_pylist()
    assert len(first) == 16
    assert (int(first, 16) ^ int(again, 16)).bit_count() <= 2
    assert (int(first, 16) ^ int(other, 16)).bit_count() > 12
    assert none is None


def test_a_similarity_that_is_no_number_is_null(dataset: Dataset, stage: AestheticScore) -> None:
    assert stage._predictor._text_tower is not None
    clip = stage._predictor._text_tower.__self__  # type: ignore[attr-defined]
    torch.nn.init.constant_(clip.text_projection, torch.nan)
    result = stage.process(dataset, SHARD)
    table = storage.read_table(dataset.scores(SHARD))
    assert table["clip_similarity"].null_count == 9
    assert (result.kept, table["aesthetic"].null_count) == (7, 2)


def test_another_predictor_is_another_setting() -> None:
    settings = settings_of(AestheticScore())
    other = settings_of(AestheticScore(predictor=Predictor(name="mine", version="1", scale="0 to 1")))
    assert differences(settings["predictor"], other["predictor"]) == [
        'name: "LAION aesthetic predictor" -> "mine"',
        'version: "v2, sac+logos+ava1-l14-linearMSE" -> "1"',
        'scale: "about 1 to 10" -> "0 to 1"',
    ]
    older = settings_of(AestheticScore(predictor=Predictor(transform="open_clip's")))
    assert differences(settings["predictor"], older["predictor"])


def test_a_shard_without_images_has_an_empty_table(stage: AestheticScore, tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path / "empty"))
    _write(dataset, {}, failed=("000",))
    assert stage.process(dataset, SHARD).rows == 0
    assert storage.read_table(dataset.scores(SHARD)).schema.equals(SCORES)


def test_a_truncated_tar_is_named(dataset: Dataset, stage: AestheticScore) -> None:
    path = Path(dataset.image_tar(SHARD))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"00000\.tar: not a whole tar"):
        stage.process(dataset, SHARD)
    assert not Path(dataset.scores(SHARD)).exists()


def test_naming_the_stage_does_not_import_torch() -> None:
    code = (
        "import sys; from curation.aesthetic import AestheticScore; AestheticScore(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
