"""The writer: any order in, the same bytes out, and no row lost in silence."""

import hashlib
import io
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
import webdataset
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import schemas, storage
from curation.download.writer import ShardWriter
from curation.tar import Parts, SampleSpool, read_tar
from tests.curation.download.server import png

Sample = tuple[bytes | None, dict[str, Any]]


def sample(number: int, image: bytes | None, **changes: Any) -> Sample:
    """A row as img2dataset gives it to its writer."""
    meta = {"sample_id": f"{number:016x}", "caption": f"caption {number}", "url": f"http://h/{number}?id={number}"}
    meta |= {"key": f"{number:09d}", "width": None, "height": None, "original_width": None, "original_height": None}
    meta |= {
        "status": schemas.FAILED_TO_DOWNLOAD,
        "error_message": "not_found: HTTP Error 404: Not Found",
        "sha256": None,
    }
    if image is not None:
        meta |= {"status": schemas.SUCCESS, "error_message": None, "sha256": hashlib.sha256(image).hexdigest()}
        meta |= {"width": 9, "height": 8, "original_width": 90, "original_height": 80}
    return image, meta | changes


def write(
    folder: Path, samples: list[Sample], rows: int | None = None, spool: Any = None, **settings: Any
) -> ShardWriter:
    with SampleSpool() as own:
        writer = ShardWriter(
            tar=str(folder / "00000.tar"),
            table=str(folder / "00000.parquet"),
            rows=len(samples) if rows is None else rows,
            spool=spool or own,
            **settings,
        )
        for image, meta in samples:
            writer.write(image, meta["key"], meta["caption"], dict(meta))
        writer.close()
    return writer


@settings(max_examples=30, deadline=None)
@given(st.lists(st.none() | st.binary(min_size=0, max_size=2000), max_size=12), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_bytes(images: list[bytes | None], chance: random.Random) -> None:
    samples = [sample(number, image) for number, image in enumerate(images)]
    shuffled = samples.copy()
    chance.shuffle(shuffled)
    with tempfile.TemporaryDirectory() as folder:
        (one := Path(folder, "one")).mkdir()
        (two := Path(folder, "two")).mkdir()
        writer = write(one, samples)
        write(two, shuffled)
        for name in ("00000.tar", "00000.parquet"):
            assert (one / name).read_bytes() == (two / name).read_bytes()
        table = storage.read_table(str(one / "00000.parquet"))
        assert table.schema.equals(schemas.IMAGES)
        assert table["key"].to_pylist() == [f"{number:09d}" for number in range(len(images))]
        parts = {key: parts["jpg"] for key, parts in read_tar(str(one / "00000.tar"))}
    assert parts == {f"{number:09d}": image for number, image in enumerate(images) if image is not None}
    assert writer.kept == len(parts)
    assert sum(writer.rejects.values()) == len(images) - len(parts)


def test_webdataset_reads_it(tmp_path: Path) -> None:
    write(tmp_path, [sample(2, png(seed=2)), sample(1, None), sample(0, png(), caption=None)])
    samples = list(webdataset.WebDataset(str(tmp_path / "00000.tar"), shardshuffle=False))
    assert [entry["__key__"] for entry in samples] == ["000000000", "000000002"]
    assert [entry["jpg"] for entry in samples] == [png(), png(seed=2)]
    assert [entry["txt"] for entry in samples] == [b"", b"caption 2"]
    row = json.loads(samples[1]["json"])
    assert list(row) == sorted(schemas.IMAGES.names)
    assert row == storage.read_table(str(tmp_path / "00000.parquet")).to_pylist()[2]
    assert (row["caption"], row["reason"], row["original_width"]) == ("caption 2", None, 90)


def test_a_reject_has_its_reason_and_its_text(tmp_path: Path) -> None:
    samples = [
        sample(0, None),
        sample(1, None, status=schemas.FAILED_TO_RESIZE, error_message="too_small: 1 x 1 pixels"),
        sample(2, None, error_message="unknown url type: 'None'", url=None),
        sample(3, None, error_message="dns: http://a:b@h/?c=d", url="http://a:b@h/?c=d&token=e"),
    ]
    writer = write(tmp_path, samples)
    rows = storage.read_table(str(tmp_path / "00000.parquet")).to_pylist()
    assert [row["reason"] for row in rows] == ["not_found", "too_small", "bad_url", "dns"]
    assert rows[0]["error_message"] == "HTTP Error 404: Not Found"
    assert rows[1]["status"] == schemas.FAILED_TO_RESIZE
    assert rows[2]["url"] is None
    assert rows[3]["error_message"] == "http://***@h/?c=***"
    assert rows[3]["url"] == "http://***@h/?c=d&token=***"
    assert writer.rejects == {"bad_url": 1, "dns": 1, "not_found": 1, "too_small": 1}


def test_a_lost_row_is_noticed_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="3 rows were given to img2dataset and 2 came back"):
        write(tmp_path, [sample(0, png()), sample(1, None)], rows=3)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_not_swallowed(tmp_path: Path) -> None:
    """img2dataset swallows what `write` raises, so `write` keeps it for `close`."""

    class Full(io.BytesIO):
        def add(self, key: str, parts: Parts) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, [sample(0, png()), sample(1, png())], spool=Full())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("strict", [True, False])
def test_an_image_with_another_hash_is_counted_and_dropped_where_that_is_asked_for(
    tmp_path: Path, strict: bool
) -> None:
    digest = hashlib.sha256(png()).hexdigest()
    samples = [
        sample(0, png(), expected_sha256=f" {digest.upper()} "),
        sample(1, png(), expected_sha256=None),
        sample(2, png(), expected_sha256=digest[::-1]),
        sample(3, None, expected_sha256=digest),
    ]
    writer = write(tmp_path, samples, reject_other_hashes=strict)
    assert (writer.kept, writer.other_hashes) == (2 if strict else 3, 1)
    row = storage.read_table(str(tmp_path / "00000.parquet")).to_pylist()[2]
    assert row["status"] == (schemas.FAILED_TO_DOWNLOAD if strict else schemas.SUCCESS)
    assert (row["reason"], row["width"]) == (("hash_mismatch", None) if strict else (None, 9))


def test_the_table_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        assert (tmp_path / "00000.tar").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(storage, "write_table", killed)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, [sample(0, png())])
    assert [path.name for path in tmp_path.iterdir()] == ["00000.tar"]


@pytest.mark.parametrize(("dead", "written"), [(18, True), (19, False), (20, False)])
def test_a_network_that_is_down_does_not_pass_for_dead_links(tmp_path: Path, dead: int, written: bool) -> None:
    samples = [sample(n, None if n < dead else png(), **down(n < dead)) for n in range(20)]
    if written:
        write(tmp_path, samples, max_unreachable=0.9)
    else:
        with pytest.raises(ConnectionError, match=f"{dead} of 20 URLs could not be reached .connection {dead}"):
            write(tmp_path, samples, max_unreachable=0.9)
    assert (tmp_path / "00000.parquet").exists() is written


def test_a_few_dead_links_or_many_that_are_gone_are_no_network_that_is_down(tmp_path: Path) -> None:
    write(tmp_path, [sample(n, None, **down(True)) for n in range(5)], max_unreachable=0.9)
    write(tmp_path, [sample(n, None) for n in range(50)], max_unreachable=0.9)
    assert storage.read_table(str(tmp_path / "00000.parquet")).num_rows == 50


def down(dead: bool) -> dict[str, Any]:
    return {"error_message": "connection: refused"} if dead else {}
