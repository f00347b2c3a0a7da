"""JourneyDB's annotations, sorted into its archives."""

import json
from pathlib import Path
from typing import Any

import pytest

from curation import storage
from curation.dataset import Dataset, Shard, sample_id
from curation.reasons import Reason
from curation.sources import JourneyDB
from curation.sources.journeydb import SCHEMA
from curation.sources.source import read_plan


def _annotation(path: str, prompt: str | None = "a prompt", caption: str | None = "A caption.") -> dict[str, Any]:
    return {"img_path": path, "prompt": prompt, "Task1": {}, "Task2": {"Caption": caption}, "Task3": {}}


def _source(folder: Path, *annotations: Any, archives: tuple[str, ...] = ("000", "007")) -> JourneyDB:
    images = folder / "imgs"
    images.mkdir()
    for name in archives:
        (images / f"{name}.tgz").write_bytes(name.encode())
    lines = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in annotations]
    (folder / "annotations.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return JourneyDB(annotations=str(folder / "annotations.jsonl"), images=str(images))


def test_a_shard_is_an_archive(tmp_path: Path) -> None:
    paths = ["./000/b.jpg", "./007/a.jpg", "./000/a.jpg"]
    dataset = Dataset(str(tmp_path / "out"))
    source = _source(tmp_path, *map(_annotation, paths))
    assert source.plan(dataset) == [Shard(index=0), Shard(index=7)]
    tables = [storage.read_table(dataset.urls(Shard(index=index))) for index in (0, 7)]
    assert tables[0].schema.equals(SCHEMA)
    assert sorted(tables[0]["image_path"].to_pylist()) == ["000/a.jpg", "000/b.jpg"]
    assert tables[0]["sample_id"].to_pylist() == sorted(map(sample_id, ["000/a.jpg", "000/b.jpg"]))
    assert tables[1].to_pylist() == [
        {
            "sample_id": sample_id("007/a.jpg"),
            "url": None,
            "alt_text": "a prompt",
            "source": "journeydb",
            "image_path": "007/a.jpg",
            "caption": "A caption.",
            "caption_is_prompt": False,
        }
    ]


@pytest.mark.parametrize("task2", [{}, None, {"Caption": None}, {"Caption": "  "}, {"Caption": 3}, "text"])
def test_the_prompt_stands_in_for_a_missing_caption(task2: Any, tmp_path: Path) -> None:
    source = _source(tmp_path, {**_annotation("./000/a.jpg", prompt=" a lamp "), "Task2": task2})
    dataset = Dataset(str(tmp_path / "out"))
    source.plan(dataset)
    (row,) = storage.read_table(dataset.urls(Shard(index=0))).to_pylist()
    assert (row["caption"], row["caption_is_prompt"], row["alt_text"]) == ("a lamp", True, "a lamp")


def test_every_annotation_is_accounted_for(tmp_path: Path) -> None:
    source = _source(
        tmp_path,
        _annotation("./000/a.jpg"),
        _annotation("000/a.jpg", prompt="the same image again"),
        _annotation("./000/b.jpg", prompt=None),
        _annotation("./000/c.jpg", prompt=None, caption=None),
        _annotation("./001/d.jpg"),
        _annotation("./000/../../etc/passwd.jpg"),
        _annotation("../000/e.jpg"),
        {"prompt": "no path"},
        ["no", "object"],
        b'{"img_path": "./000/f.jpg", "prompt": "cut sho',
        b"\xff\xfe",
        b"[" * 100_000,
        b"",
        json.dumps(_annotation("./000/g.jpg", prompt="half a pair: \ud800")).encode(),
    )
    dataset = Dataset(str(tmp_path / "out"))
    source.plan(dataset)
    rows = {row["image_path"]: row for row in storage.read_table(dataset.urls(Shard(index=0))).to_pylist()}
    assert set(rows) == {"000/a.jpg", "000/b.jpg", "000/g.jpg"}
    assert rows["000/a.jpg"]["alt_text"] == "a prompt"
    assert rows["000/b.jpg"]["alt_text"] is None
    assert rows["000/g.jpg"]["alt_text"] == "half a pair: ?"
    plan = read_plan(dataset)
    assert plan is not None
    assert (plan.rows, plan.kept, plan.shards) == (13, 3, 1)
    assert plan.rejects == {
        Reason.DUPLICATE: 1,
        Reason.NO_CAPTION: 1,
        Reason.MISSING_MEMBER: 1,
        Reason.BAD_ROW: 7,
    }


def test_output_does_not_depend_on_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _source(tmp_path, *(_annotation(f"./00{number % 2 * 7}/{number}.jpg") for number in range(50)))

    def planned(name: str) -> list[bytes]:
        dataset = Dataset(str(tmp_path / name))
        return [Path(dataset.urls(shard)).read_bytes() for shard in source.plan(dataset)]

    at_once = planned("at_once")
    monkeypatch.setattr("curation.sources.journeydb._BATCH_LINES", 3)
    assert planned("in_pieces") == at_once


def test_what_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    source = _source(tmp_path, archives=())
    (tmp_path / "imgs/images.zip").touch()
    with pytest.raises(ValueError, match=r"imgs: looked for 000\.tgz, .* it holds images\.zip"):
        source.check()
    with pytest.raises(ValueError, match=r"absent\.jsonl: no such file"):
        JourneyDB(annotations=str(tmp_path / "absent.jsonl"), images=str(tmp_path)).check()


def test_a_changed_input_has_another_hash(tmp_path: Path) -> None:
    source = _source(tmp_path, _annotation("./000/a.jpg"))
    before = source.inputs()
    assert [Path(file.path).name for file in before] == ["annotations.jsonl", "000.tgz", "007.tgz"]
    (tmp_path / "imgs/007.tgz").write_bytes(b"070")
    after = source.inputs()
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False]
