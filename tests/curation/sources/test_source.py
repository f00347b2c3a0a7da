"""Planning: done once, begun anew when cut short, and the inputs told apart."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from curation import storage
from curation.dataset import Dataset, Shard
from curation.reasons import Reason
from curation.sources.source import InputFile, Plan, Source, describe_end, describe_file, plan_path, read_plan


@dataclass(kw_only=True)
class Texts(Source):
    """Writes a shard a name; stops before the one that is None."""

    names: list[str | None]
    written: list[str] = field(default_factory=list)

    def inputs(self) -> list[InputFile]:
        return []

    def check(self) -> None:
        if not self.names:
            raise ValueError("no names")

    def write_shards(self, dataset: Dataset) -> Plan:
        for index, name in enumerate(self.names):
            if name is None:
                raise OSError("disk full")
            storage.write_text(dataset.urls(Shard(index=index)), name)
            self.written.append(name)
        return Plan(rows=len(self.names) + 1, kept=len(self.names), rejects={"bad_url": 1}, shards=len(self.names))


def test_a_finished_plan_is_not_made_again(tmp_path: Path) -> None:
    dataset, source = Dataset(str(tmp_path)), Texts(names=["a", "b"])
    assert source.plan(dataset) == [Shard(index=0), Shard(index=1)]
    assert source.plan(dataset) == [Shard(index=0), Shard(index=1)]
    assert source.written == ["a", "b"]
    assert read_plan(dataset) == Plan(rows=3, kept=2, rejects={Reason.BAD_URL: 1}, shards=2)


def test_a_plan_cut_short_leaves_no_shard_among_those_of_the_next(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    with pytest.raises(OSError, match="disk full"):
        Texts(names=["old", "old", "old", None]).plan(dataset)
    assert read_plan(dataset) is None
    assert len(dataset.shards()) == 3
    assert Texts(names=["new"]).plan(dataset) == [Shard(index=0)]
    assert storage.read_text(dataset.urls(Shard(index=0))) == "new"


def test_inputs_are_checked_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no names"):
        Texts(names=[]).plan(Dataset(str(tmp_path / "new")))
    assert not (tmp_path / "new").exists()


def test_the_plan_is_beside_the_shards(tmp_path: Path) -> None:
    assert plan_path(Dataset("s3://bucket/laion")) == "s3://bucket/laion/urls/plan.json"


def test_a_plan_accounts_for_every_row() -> None:
    with pytest.raises(ValueError, match="5 rows were read, 3 kept"):
        Plan(rows=5, kept=3, rejects={"bad_url": 1}, shards=1)


def test_a_file_is_described_whole_or_by_its_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    whole, end = hashlib.sha256(b"0123456789").hexdigest(), hashlib.sha256(b"789").hexdigest()
    assert describe_file(str(path)) == InputFile(path=str(path), size=10, sha256=whole)
    assert describe_end(str(path), 3) == InputFile(path=str(path), size=10, sha256=end)
    assert describe_end(str(path), 99).sha256 == whole
