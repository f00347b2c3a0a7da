"""Images out of JourneyDB's archives: what is taken, what is refused, what is missing."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from curation import storage
from curation.dataset import Dataset, Shard, sample_id
from curation.download.image_settings import ImageSettings
from curation.reasons import Reason
from curation.schemas import IMAGES
from curation.sources import ExtractJourneyDB
from curation.sources.journeydb import SCHEMA
from curation.sources.journeydb_images import image_path
from curation.tar import read_tar
from tests.curation.download.poison import DEADLY, poison

SHARD = Shard(index=7)


def _image(width: int, height: int, seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def _archive(path: Path, members: list[tuple[str | tarfile.TarInfo, bytes]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for member, content in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def _plan(dataset: Dataset, *paths: str) -> None:
    rows = [
        {
            "sample_id": sample_id(path),
            "alt_text": f"prompt of {path}",
            "source": "journeydb",
            "image_path": path,
            "caption": "A caption.",
            "caption_is_prompt": False,
        }
        for path in paths
    ]
    storage.write_table(dataset.urls(SHARD), pa.Table.from_pylist(rows, SCHEMA))


def test_images_are_shrunk_and_written_like_downloads(tmp_path: Path) -> None:
    small, large = _image(100, 80), _image(600, 300, seed=1)
    _archive(tmp_path / "imgs/007.tgz", [("./007/b.jpg", large), ("./007/a.jpg", small), ("./007/other.jpg", small)])
    dataset = Dataset(str(tmp_path))
    _plan(dataset, "007/a.jpg", "007/b.jpg")
    stage = ExtractJourneyDB(images=str(tmp_path / "imgs"), image=ImageSettings(size=200))
    stage.check(dataset)
    stage.setup()
    result = stage.process(dataset, SHARD)
    assert (result.rows, result.kept, dict(result.rejects)) == (2, 2, {})
    table = storage.read_table(stage.output(dataset, SHARD))
    assert table.schema.equals(IMAGES)
    rows = table.to_pylist()
    assert [row["key"] for row in rows] == ["0000700000", "0000700001"]
    assert [row["sample_id"] for row in rows] == [sample_id("007/a.jpg"), sample_id("007/b.jpg")]
    assert [(row["width"], row["height"]) for row in rows] == [(100, 80), (400, 200)]
    assert [(row["original_width"], row["original_height"]) for row in rows] == [(100, 80), (600, 300)]
    assert [row["sha256"] for row in rows] == [hashlib.sha256(image).hexdigest() for image in (small, large)]
    assert {(row["status"], row["reason"], row["url"]) for row in rows} == {("success", None, None)}
    samples = dict(read_tar(dataset.image_tar(SHARD)))
    assert list(samples) == ["0000700000", "0000700001"]
    assert samples["0000700001"]["txt"] == b"prompt of 007/b.jpg"
    assert json.loads(samples["0000700001"]["json"])["sample_id"] == sample_id("007/b.jpg")
    assert Image.open(io.BytesIO(samples["0000700001"]["jpg"])).size == (400, 200)


def test_every_annotated_image_has_a_row(tmp_path: Path) -> None:
    link = tarfile.TarInfo("007/link.jpg")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    device = tarfile.TarInfo("007/device.jpg")
    device.type = tarfile.CHRTYPE
    _archive(
        tmp_path / "imgs/007.tgz",
        [
            (link, b""),
            (device, b""),
            ("../007/above.jpg", _image(80, 80)),
            ("/007/root.jpg", _image(80, 80)),
            ("007/text.jpg", b"<html>not an image</html>"),
            ("007/cut.jpg", _image(200, 200)[:5000]),
            ("007/tiny.jpg", _image(10, 10)),
            ("007/huge.jpg", _image(300, 300)),
            ("007/good.jpg", _image(90, 80)),
            ("007/good.jpg", _image(70, 70)),
        ],
    )
    names = ["link", "device", "above", "root", "text", "cut", "tiny", "huge", "good", "absent"]
    dataset = Dataset(str(tmp_path))
    _plan(dataset, *(f"007/{name}.jpg" for name in names))
    stage = ExtractJourneyDB(images=str(tmp_path / "imgs"), max_bytes=len(_image(200, 200)))
    result = stage.process(dataset, SHARD)
    rows = dict(zip(names, storage.read_table(dataset.image_table(SHARD)).to_pylist(), strict=True))
    for name in ("link", "device", "above", "root", "absent"):
        assert (rows[name]["status"], rows[name]["reason"]) == ("failed_to_download", Reason.MISSING_MEMBER)
    assert rows["absent"]["error_message"] == "not in 007.tgz"
    assert (rows["huge"]["status"], rows["huge"]["reason"]) == ("failed_to_download", Reason.TOO_LARGE)
    assert (rows["text"]["status"], rows["text"]["reason"]) == ("failed_to_resize", Reason.NOT_IMAGE)
    assert rows["cut"]["reason"] == Reason.TRUNCATED
    assert rows["tiny"]["reason"] == Reason.TOO_SMALL
    assert (rows["good"]["width"], rows["good"]["height"]) == (90, 80)
    assert [key for key, _ in read_tar(dataset.image_tar(SHARD))] == [rows["good"]["key"]]
    assert (result.rows, result.kept, result.rejects[Reason.MISSING_MEMBER]) == (10, 1, 5)


def test_after_an_attempt_that_was_cut_off_the_image_to_blame_is_quarantined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(DEADLY)
    _archive(tmp_path / "imgs/007.tgz", [("007/a.jpg", poison()), ("007/b.jpg", _image(90, 80))])
    dataset, stage = Dataset(str(tmp_path)), ExtractJourneyDB(images=str(tmp_path / "imgs"))
    _plan(dataset, "007/a.jpg", "007/b.jpg")
    (tmp_path / "images").mkdir()
    (tmp_path / "images/.tmp-00007.begun").touch()
    result = stage.process(dataset, SHARD)
    assert (result.rows, result.kept, dict(result.rejects)) == (2, 1, {Reason.QUARANTINED: 1})
    rows = storage.read_table(stage.output(dataset, SHARD)).to_pylist()
    assert [row["reason"] for row in rows] == [Reason.QUARANTINED, None]
    assert rows[0]["sha256"] == hashlib.sha256(poison()).hexdigest()


def test_bytes_do_not_depend_on_the_order_in_the_archive(tmp_path: Path) -> None:
    members: list[tuple[str | tarfile.TarInfo, bytes]] = [(f"007/{i}.jpg", _image(80, 90, seed=i)) for i in range(4)]
    written = []
    for name, order in (("a", members), ("b", members[::-1])):
        _archive(tmp_path / name / "007.tgz", order)
        dataset = Dataset(str(tmp_path / name))
        _plan(dataset, *(f"007/{i}.jpg" for i in range(5)))
        ExtractJourneyDB(images=str(tmp_path / name)).process(dataset, SHARD)
        written.append([Path(path(SHARD)).read_bytes() for path in (dataset.image_tar, dataset.image_table)])
    assert written[0] == written[1]


@pytest.mark.parametrize("fault", ["cut", "cut_between_members", "flipped", "not_gzip"])
def test_a_damaged_archive_is_named_and_nothing_is_written(fault: str, tmp_path: Path) -> None:
    path = tmp_path / "imgs/007.tgz"
    _archive(path, [(f"007/{i}.jpg", _image(80, 80, seed=i)) for i in range(3)])
    whole = path.read_bytes()
    unzipped = gzip.decompress(whole)
    second = unzipped.index(b"007/1.jpg")
    damaged = {
        "cut": whole[: len(whole) // 2],
        "cut_between_members": gzip.compress(unzipped[:second])[:-8],
        "flipped": whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:],
        "not_gzip": unzipped,
    }
    path.write_bytes(damaged[fault])
    dataset = Dataset(str(tmp_path))
    _plan(dataset, *(f"007/{i}.jpg" for i in range(3)))
    with pytest.raises(ValueError, match=r"007\.tgz: not a whole \.tgz"):
        ExtractJourneyDB(images=str(tmp_path / "imgs")).process(dataset, SHARD)
    assert storage.names(str(tmp_path / "images")) == []


def test_a_planned_archive_that_went_away_is_said_at_the_start(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    _plan(dataset, "007/a.jpg")
    with pytest.raises(ValueError, match=r"007\.tgz: no such archive \(1 missing"):
        ExtractJourneyDB(images=str(tmp_path / "imgs")).check(dataset)


@pytest.mark.parametrize(
    ("member", "path"),
    [
        ("007/a.jpg", "007/a.jpg"),
        ("./007/a.jpg", "007/a.jpg"),
        ("data/train/imgs/007/a.jpg", "007/a.jpg"),
        ("a.jpg", "007/a.jpg"),
        ("007/../../a.jpg", None),
        ("/007/a.jpg", None),
    ],
)
def test_a_member_is_known_by_its_path_below_the_archives_folder(member: str, path: str | None) -> None:
    assert image_path(member, "007") == path
