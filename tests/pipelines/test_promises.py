"""What the system promises of its files, shown on a whole run: rows are conserved, nothing depends on the layout."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation import storage
from curation.aesthetic import AestheticScore
from curation.dataset import Dataset, Shard
from curation.manifest import record
from curation.reasons import sentence_of
from curation.schemas import SUCCESS
from curation.selection import Select
from curation.sources import Laion
from curation.stage import Resources
from pipelines.check import check
from pipelines.commands.arguments import parse_pipeline, pipeline_parser
from pipelines.errors import UsageError
from pipelines.miniature import Miniature
from pipelines.pipeline import Branch, Pipeline
from pipelines.run import Run
from tests.pipelines.shards import Append
from tests.pipelines.whole_run import WholeRun

BRANCHES = {"laion": "cogvlm", "coyo": "cogvlm", "journeydb": "journeydb"}


def _rows(path: str) -> dict[str, dict[str, Any]]:
    """The table's rows by sample, each once."""
    rows = storage.read_table(path).to_pylist()
    by_sample = {row["sample_id"]: row for row in rows}
    assert len(by_sample) == len(rows), f"{path}: a sample comes twice"
    return by_sample


@pytest.mark.parametrize("branch", BRANCHES)
def test_of_every_shard_each_row_goes_on_or_has_its_reason(branch: str, whole_run: WholeRun) -> None:
    dataset = Dataset(str(whole_run.folder / branch))
    shards = dataset.shards()
    assert shards
    for shard in shards:
        urls, images = _rows(dataset.urls(shard)), _rows(dataset.image_table(shard))
        scores, selection = _rows(dataset.scores(shard)), _rows(dataset.selection(shard))
        captions = _rows(dataset.captions(BRANCHES[branch], shard))
        assert images.keys() == urls.keys()
        assert scores.keys() == {sample for sample, row in images.items() if row["status"] == SUCCESS}
        assert selection.keys() == scores.keys()
        assert captions.keys() == {sample for sample, row in selection.items() if row["kept"]}
        stopped = [
            *((row["status"] == SUCCESS, row["reason"]) for row in images.values()),
            *((row["kept"], row["reason"]) for row in selection.values()),
            *((row["caption"] is not None, (row["flags"] or [None])[0]) for row in captions.values()),
        ]
        for goes_on, reason in stopped:
            assert goes_on or sentence_of(str(reason)), f"no sentence for {reason!r}"


def test_scores_and_decisions_do_not_depend_on_the_number_of_workers_or_threads(
    whole_run: WholeRun, miniature: Miniature, tmp_path: Path, ray_cluster: str
) -> None:
    """The whole run had one worker a stage; here two share the shards, which come in another order."""
    ours = Dataset(str(tmp_path / "laion"))
    for folder in ("urls", "images"):
        shutil.copytree(whole_run.folder / "laion" / folder, tmp_path / "laion" / folder)
    two = Resources(cpus=0.1, min_workers=2, max_workers=2)
    clip = miniature.models / "clip"
    stages = [
        AestheticScore(model=str(clip), head=str(clip / "aesthetic_head.pth"), threads=1, resources=two),
        Select(resources=two),
    ]
    source = Laion(metadata=str(miniature.world / "laion"), rows_per_shard=8)
    assert Run(
        Pipeline(dir=str(tmp_path), branches={"laion": Branch(source=source, stages=list(stages))}), address=ray_cluster
    )().complete
    theirs = Dataset(str(whole_run.folder / "laion"))
    assert ours.shards() == theirs.shards()
    for shard in theirs.shards():
        assert Path(ours.scores(shard)).read_bytes() == Path(theirs.scores(shard)).read_bytes()
        assert Path(ours.selection(shard)).read_bytes() == Path(theirs.selection(shard)).read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("init_args: &select\n", "init_args: &select\n          min_aesthetic: 5.5\n", "min_aesthetic: 6.0 -> 5.5"),
        ("rows_per_shard: 8", "rows_per_shard: 9", "rows_per_shard: 8 -> 9"),
        ("image: {size: 512}", "image: {size: 256}", "image.size: 512 -> 256"),
        ("samples_per_shard: 5", "samples_per_shard: 6", "samples_per_shard: 5 -> 6"),
        ("merge:\n", "merge:\n  duplicates: {near_bits: 3}\n", "duplicates.near_bits: 2 -> 3"),
        ("version: made by this run", "version: another", '"made by this run" -> "another"'),
    ],
    ids=["threshold", "shard size", "image size", "training shard size", "duplicates", "predictor"],
)
def test_a_changed_setting_is_named_and_nothing_is_mixed(
    old: str, new: str, field: str, whole_run: WholeRun, tmp_path: Path
) -> None:
    text = whole_run.config.read_text()
    assert old in text
    (tmp_path / "changed.yaml").write_text(text.replace(old, new))

    def read(config: Path) -> Pipeline:
        return parse_pipeline(pipeline_parser("run", "", []), [str(config), "--dir", str(whole_run.folder)])[0]

    check(read(whole_run.config))
    with pytest.raises(UsageError, match="were made with other settings") as refusal:
        check(read(tmp_path / "changed.yaml"))
    assert field in str(refusal.value)
    assert "delete" in str(refusal.value)


def test_a_changed_input_is_named(tmp_path: Path) -> None:
    metadata = tmp_path / "metadata.parquet"

    def write(text: str) -> None:
        pq.write_table(pa.table({"url": ["http://host/1.jpg"], "caption": [text]}), metadata)

    write("one")
    source = Laion(metadata=str(metadata))
    pipeline = Pipeline(dir=str(tmp_path / "run"), branches={"laion": Branch(source=source, stages=[Append(name="a")])})
    dataset = pipeline.dataset("laion")
    source.plan(dataset)
    record(dataset.manifest(), pipeline.steps("laion"))
    check(pipeline)
    before = Path(dataset.urls(Shard(index=0))).read_bytes()
    write("two")
    with pytest.raises(UsageError, match=r"urls/ were made with other settings of urls: inputs\[0\]\.sha256"):
        check(pipeline)
    assert Path(dataset.urls(Shard(index=0))).read_bytes() == before
