"""Parquet of URLs: read in any of its forms, refused with a clear word, the same bytes from the same rows."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation import storage
from curation.dataset import Dataset, Shard, sample_id
from curation.reasons import Reason
from curation.schemas import URLS
from curation.sources import url_tables
from curation.sources.coyo import Coyo
from curation.sources.laion import Laion
from curation.sources.source import read_plan


def _write(path: Path, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def _plan(source: Laion | Coyo, folder: Path) -> list[dict[str, Any]]:
    dataset = Dataset(str(folder))
    return [row for shard in source.plan(dataset) for row in storage.read_table(dataset.urls(shard)).to_pylist()]


def _urls(count: int, host: str = "host.org") -> list[str]:
    return [f"http://{host}/{number}.jpg" for number in range(count)]


def test_shards_hold_each_good_url_once_in_the_order_of_ids(tmp_path: Path) -> None:
    _write(
        tmp_path / "in/b.parquet", URL=["HTTP://HOST.org:80/1.jpg#x", "http://host.org/9.jpg"], TEXT=["late", "nine"]
    )
    _write(tmp_path / "in/a.parquet", URL=[*_urls(5), None, "", "nonsense"], TEXT=[*"01234", "x", "y", None])
    dataset = Dataset(str(tmp_path / "out"))
    shards = Laion(metadata=str(tmp_path / "in"), rows_per_shard=4).plan(dataset)
    tables = [storage.read_table(dataset.urls(shard)) for shard in shards]
    assert [table.num_rows for table in tables] == [4, 2]
    assert tables[0].schema.equals(URLS)
    rows = [row for table in tables for row in table.to_pylist()]
    expected = {**{f"http://host.org/{i}.jpg": str(i) for i in range(5)}, "http://host.org/9.jpg": "nine"}
    assert {row["url"]: row["alt_text"] for row in rows} == expected
    assert [row["sample_id"] for row in rows] == sorted(sample_id(url) for url in expected)
    assert {row["source"] for row in rows} == {"laion"}
    plan = read_plan(dataset)
    assert plan is not None
    assert (plan.rows, plan.kept, plan.shards) == (10, 6, 2)
    assert plan.rejects == {Reason.BAD_URL: 3, Reason.DUPLICATE: 1}


def test_output_does_not_depend_on_batches_buckets_or_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = _urls(300) + _urls(100)
    _write(tmp_path / "in/a.parquet", url=urls, text=[str(number) for number in range(400)], width=list(range(400)))

    def planned(name: str, scratch: str | None) -> list[bytes]:
        dataset = Dataset(str(tmp_path / name))
        shards = Coyo(metadata=str(tmp_path / "in/a.parquet"), rows_per_shard=64, scratch=scratch).plan(dataset)
        return [Path(dataset.urls(shard)).read_bytes() for shard in shards]

    at_once = planned("at_once", None)
    monkeypatch.setattr(url_tables, "_BATCH_ROWS", 7)
    monkeypatch.setattr("curation.sources.buckets.ROWS_PER_BUCKET", 50)
    monkeypatch.setattr("curation.sources.buckets.BUFFER_BYTES", 1000)
    assert len(at_once) == 5
    assert planned("in_pieces", str(tmp_path)) == at_once


def test_files_of_other_releases_are_read_together(tmp_path: Path) -> None:
    _write(tmp_path / "a.parquet", URL=["http://a/"], TEXT=["a"], WIDTH=pa.array([640], pa.int32()))
    _write(tmp_path / "b.parquet", url=["http://b/"], caption=["b"], width=pa.array([0.5]), punsafe=pa.array([0.1]))
    rows = {row["alt_text"]: row for row in _plan(Laion(metadata=str(tmp_path / "*.parquet")), tmp_path / "out")}
    assert (rows["a"]["width"], rows["a"]["punsafe"]) == (640.0, None)
    assert (rows["b"]["width"], rows["b"]["punsafe"]) == (0.5, 0.1)


def test_integers_too_large_for_a_float_do_not_stop_a_release_that_has_floats(tmp_path: Path) -> None:
    _write(tmp_path / "a.parquet", URL=["http://a/"], TEXT=["a"], hash=[2**60 + 1])
    _write(tmp_path / "b.parquet", URL=["http://b/"], TEXT=["b"], hash=[0.5])
    rows = _plan(Laion(metadata=str(tmp_path)), tmp_path / "out")
    assert sorted(row["hash"] for row in rows) == [0.5, float(2**60)]


def test_columns_named_like_ours_take_the_source_into_their_name(tmp_path: Path) -> None:
    _write(tmp_path / "a.parquet", URL=["http://a/"], TEXT=["a"], SAMPLE_ID=[7], source=["theirs"])
    (row,) = _plan(Laion(metadata=str(tmp_path / "a.parquet")), tmp_path / "out")
    assert (row["laion_sample_id"], row["laion_source"]) == (7, "theirs")
    assert (row["sample_id"], row["source"]) == (sample_id("http://a/"), "laion")


def test_text_that_is_not_utf8_is_repaired(tmp_path: Path) -> None:
    broken = pa.array([b"http://a/", b"http://b/\xff", b"http://c/"]).view(pa.string())
    text = pa.array([b"caf\xe9", b"b", None]).view(pa.string())
    _write(tmp_path / "a.parquet", url=broken, text=text, image_phash=text)
    rows = {row["url"]: row for row in _plan(Coyo(metadata=str(tmp_path / "a.parquet")), tmp_path / "out")}
    assert set(rows) == {"http://a/", "http://b/%EF%BF%BD", "http://c/"}
    assert (rows["http://a/"]["alt_text"], rows["http://a/"]["image_phash"]) == ("caf\ufffd", "caf\ufffd")
    assert rows["http://c/"]["alt_text"] is None


def test_dictionaries_and_large_strings_are_read_as_strings(tmp_path: Path) -> None:
    license_ = pa.array(["cc", "cc"]).dictionary_encode()
    _write(tmp_path / "a.parquet", url=pa.array(_urls(2), pa.large_string()), text=["a", "b"], license=license_)
    rows = _plan(Coyo(metadata=str(tmp_path / "a.parquet")), tmp_path / "out")
    assert [row["license"] for row in rows] == ["cc", "cc"]


def test_no_rows_give_no_shards(tmp_path: Path) -> None:
    _write(tmp_path / "a.parquet", url=pa.array([], pa.string()), text=pa.array([], pa.string()))
    dataset = Dataset(str(tmp_path / "out"))
    assert Coyo(metadata=str(tmp_path / "a.parquet")).plan(dataset) == []
    assert read_plan(dataset) is not None


def test_a_pattern_without_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no table")
    for pattern in (tmp_path, tmp_path / "*.parquet", tmp_path / "absent", tmp_path / "notes.txt"):
        with pytest.raises(ValueError, match=r"no \.parquet file"):
            Laion(metadata=str(pattern)).check()


def test_a_missing_column_is_named_with_what_was_looked_for_and_what_is_there(tmp_path: Path) -> None:
    _write(tmp_path / "a.parquet", URL=["http://a/"], TEXT=["a"])
    odd = _write(tmp_path / "b.parquet", URL=["http://a/"], title=["a"])
    with pytest.raises(ValueError, match=f"{odd}: no column for alt_text: looked for text or caption, .* URL, title"):
        Laion(metadata=str(tmp_path)).check()


def test_a_column_of_another_type_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / "a.parquet", url=[1], text=["a"])
    with pytest.raises(ValueError, match=r"a\.parquet: column url is int64, expected text"):
        Coyo(metadata=str(tmp_path)).check()
    _write(tmp_path / "a.parquet", url=["http://a/"], text=["a"], score=["high"])
    _write(tmp_path / "b.parquet", url=["http://a/"], text=["a"], score=[1.0])
    with pytest.raises(ValueError, match=r"b\.parquet: a column has another type .*score"):
        Coyo(metadata=str(tmp_path)).check()


def test_columns_that_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    _write(tmp_path / "a.parquet", url=["http://a/"], URL=["http://b/"], text=["a"])
    with pytest.raises(ValueError, match="differ in case alone: url, URL, text"):
        Coyo(metadata=str(tmp_path)).check()


def test_a_truncated_file_is_named_before_and_while_reading(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.parquet", url=_urls(1000), text=["a"] * 1000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    for look in (Coyo(metadata=str(path)).check, Coyo(metadata=str(path)).inputs):
        with pytest.raises(ValueError, match=r"a\.parquet: not a whole Parquet file"):
            look()
    path.write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    with pytest.raises(ValueError, match=r"a\.parquet: cannot be read to its end"):
        Coyo(metadata=str(path)).plan(Dataset(str(tmp_path / "out")))


def test_a_changed_input_has_another_hash(tmp_path: Path) -> None:
    path, other = tmp_path / "a.parquet", _write(tmp_path / "b.parquet", url=_urls(3), text=["a"] * 3)
    _write(path, url=_urls(3), text=["a"] * 3)
    source = Coyo(metadata=str(tmp_path))
    before = source.inputs()
    assert [file.path for file in before] == [str(path), str(other)]
    assert before == source.inputs()
    _write(path, url=_urls(3, "tsoh.org"), text=["a"] * 3)
    after = source.inputs()
    assert after[0].sha256 != before[0].sha256
    assert after[1] == before[1]


@pytest.mark.parametrize("rows", [0, 10_001])
def test_shards_have_a_size_that_download_takes(rows: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 10000"):
        Coyo(metadata="x", rows_per_shard=rows)


def test_a_remote_folder_is_read_alike(tmp_path: Path) -> None:
    local = _write(tmp_path / "a.parquet", url=_urls(3), text=["a"] * 3)
    with storage.atomic_writer("memory://laion/a.parquet") as file:
        file.write(local.read_bytes())
    source, dataset = Coyo(metadata="memory://laion"), Dataset("memory://planned")
    assert [file.path for file in source.inputs()] == ["memory://laion/a.parquet"]
    assert source.plan(dataset) == [Shard(index=0)]
    assert storage.read_table(dataset.urls(Shard(index=0))).num_rows == 3
