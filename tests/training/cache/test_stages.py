"""The caches hold what the models give, are made alike every time, and refuse to be mixed."""

import hashlib
import shutil
from pathlib import Path

import pytest
import torch

from curation.dataset import Dataset, Shard, TrainingSet
from tests.training.caches import build
from training.autoencoder import Autoencoder
from training.cache import CacheLatents, CacheText
from training.cache.files import LatentsFile, TextFile
from training.errors import SettingsError
from training.images import decode_square, to_tensor
from training.tar_index import TarIndex
from training.text_encoder import TextEncoder


def latents(world: Path, **settings: object) -> CacheLatents:
    options = {"resolution": 32, "precision": "float32", **settings}
    return CacheLatents(model=str(world / "models" / "stable-diffusion"), **options)  # type: ignore[arg-type]


def text(world: Path, **settings: object) -> CacheText:
    options = {"length": 16, "precision": "float32", **settings}
    return CacheText(model=str(world / "models" / "t5"), **options)  # type: ignore[arg-type]


def test_latents_are_the_moments_of_the_squares(cached_world: Path) -> None:
    set_ = cached_world / "training"
    file, tar = LatentsFile(set_ / "latents" / "00000.safetensors", "x"), TarIndex(set_ / "00000.tar")
    squares = [decode_square(tar.read(row, "jpg"), 32) for row in range(4)]
    vae = Autoencoder(str(cached_world / "models" / "stable-diffusion"))
    expected = vae.moments(to_tensor([square.pixels for square in squares]))
    assert file.sample_ids == tar.sample_ids
    assert (file.moments.dtype, tuple(file.moments.shape)) == (torch.float16, (4, 8, 4, 4))
    torch.testing.assert_close(file.moments.float(), expected, atol=0.01, rtol=0.001)
    assert file.sizes.tolist() == [[16, 24]] * 4
    assert file.crops.tolist() == [[0, 8]] * 4


@pytest.mark.parametrize("own", [False, True])
def test_text_is_what_the_encoder_gives(cached_world: Path, own: bool) -> None:
    set_ = cached_world / "training"
    file = TextFile(set_ / ("text/own" if own else "text") / "00001.safetensors", "x")
    tar = TarIndex(set_ / "00001.tar")
    encoder = TextEncoder(str(cached_world / "models" / "t5"), length=16, attend_to_padding=not own)
    expected = encoder([*(tar.read(row, "txt").decode() for row in range(4)), ""])
    for row in range(4):
        length = 6 if own else 16
        torch.testing.assert_close(file.row(row), expected.features[row, :length])
    empty = file.empty
    assert empty.features.shape == (1, 16, 64)
    if own:
        assert empty.mask is not None
        assert expected.mask is not None
        assert torch.equal(empty.mask, expected.mask[4:])
        torch.testing.assert_close(empty.features[:, :1], expected.features[4:, :1])
    else:
        torch.testing.assert_close(empty.features, expected.features[4:])


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.safetensors")}


def test_a_cache_made_again_is_the_same_byte_for_byte(cached_world: Path) -> None:
    root = cached_world / "training"
    build(latents(cached_world, name="again/latents", decode_threads=1), str(root))
    build(text(cached_world, name="again/text"), str(root))
    assert digests(root / "again" / "latents") == digests(root / "latents") != {}
    assert digests(root / "again" / "text") == digests(root / "text") != {}


def test_rows_are_conserved(cached_world: Path, tmp_path: Path) -> None:
    shutil.copytree(cached_world / "training", tmp_path / "set")
    stage = text(cached_world, name="other")
    stage.setup()
    result = stage.process(Dataset(str(tmp_path / "set")), Shard(index=1))
    assert (result.rows, result.kept) == (4, 4)
    assert stage.output(Dataset("s3://set"), Shard(index=1)) == "s3://set/other/00001.safetensors"


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (
            latents(Path("x"), name="latents", resolution=48),
            r"model is \S+stable-diffusion there and x/models/stable-diffusion here; resolution is 32 there and 48",
        ),
        (text(Path("x"), name="latents"), "kind is latents there and text here"),
        (text(Path("x"), name="text", length=8), "length is 16 there and 8 here"),
        (text(Path("x"), name="text", attend_to_padding=False), "attend_to_padding is True there and False here"),
        (text(Path("x"), name="text", precision="bfloat16"), "precision is float32 there and bfloat16 here"),
        (
            text(Path("x"), name="text", captions={"alt_text": 1.0}),
            "captions is .*'caption': 1.0.* there and .*alt_text",
        ),
    ],
)
def test_files_made_otherwise_are_not_added_to(
    cached_world: Path, stage: CacheLatents | CacheText, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        stage.check(Dataset(str(cached_world / "training")))


@pytest.mark.parametrize("name", ["", "../x", "/x", "plan", "a//b", "shards"])
def test_a_name_that_is_no_folder_is_refused(cached_world: Path, name: str) -> None:
    with pytest.raises(ValueError, match="expected a folder of the training set"):
        text(cached_world, name=name).check(Dataset(str(cached_world / "training")))


def test_a_sample_that_gives_no_numbers_is_named(cached_world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Autoencoder, pixels: torch.Tensor) -> torch.Tensor:
        moments = torch.zeros(len(pixels), 8, 4, 4)
        moments[2, 0, 1, 1] = 1e6
        return moments

    monkeypatch.setattr(Autoencoder, "moments", broken)
    root = str(cached_world / "training")
    stage = latents(cached_world, name="broken")
    stage.setup()
    third = TarIndex(cached_world / "training" / "00000.tar").sample_ids[2]
    with pytest.raises(ValueError, match=rf"00000\.tar: sample {third} gives numbers beyond 16 bits"):
        stage.process(Dataset(root), Shard(index=0))
    assert not (Path(root) / "broken" / "00000.safetensors").exists()
    assert [shard.index for shard in TrainingSet(root).shards()] == [0, 1]
