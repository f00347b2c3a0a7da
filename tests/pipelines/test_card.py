from pathlib import Path

import yaml

from curation.dataset import TrainingSet
from curation.manifest import record
from pipelines.card import render
from pipelines.merge import Merge, plan_merge
from pipelines.pipeline import Branch, Pipeline
from tests.pipelines.shards import Append, Numbers, write_branch


def merged(tmp_path: Path) -> tuple[Pipeline, Merge]:
    merge = Merge(output=str(tmp_path / "training"), samples_per_shard=5, note="A note.")
    stages = [Append(name="captions/new")]
    branches = {name: Branch(source=Numbers(shards=2), stages=list(stages)) for name in ("laion", "coyo")}
    pipeline = Pipeline(dir=str(tmp_path), branches=branches, merge=merge)
    for name, first in (("laion", 0), ("coyo", 1000)):
        write_branch(str(tmp_path / name), source=name, shards=2, rows=6, captions="new", first=first)
        for index in range(2):
            (tmp_path / name / "captions" / "new" / f"0000{index}.txt").touch()
    training_set = TrainingSet(merge.output)
    plan_merge(pipeline.merge_inputs(), training_set, merge.samples_per_shard)
    record(training_set.manifest(), pipeline.merge_steps(merge))
    return pipeline, merge


def cells(card: str, first: str) -> list[str]:
    line = next(line for line in card.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in line.split("|")[2:-1]]


def test_the_card_has_the_funnel_the_statistics_and_a_header_that_hubs_read(tmp_path: Path) -> None:
    card = render(*merged(tmp_path))
    header = yaml.safe_load(card.split("---")[1])
    assert header["size_categories"] == ["n<1K"]
    assert "12 image-text pairs in 3 shards" in card
    assert "> A note." in card
    assert cells(card, "laion") == ["12", "10", "10", "8", "6", "6"]
    assert cells(card, "coyo new")[:2] == ["6", "5.00 ± 0.00"], "`a picture of number 1003` has five words"
    assert cells(card, "coyo alt-text")[:2] == ["10", "2.00 ± 0.00"]


def test_a_mix_of_captions_has_a_line_for_each(tmp_path: Path) -> None:
    pipeline, merge = merged(tmp_path)
    merge.captions = {"laion": {"new": 1.0, "none": 1.0}}
    card = render(pipeline, merge)
    assert cells(card, "laion")[4] == "6, 0"
    assert cells(card, "laion new")[:2] == ["6", "5.00 ± 0.00"]
    assert cells(card, "laion none")[0] == "not measured"
    assert card.count("| laion alt-text |") == 1


def test_the_same_set_has_the_same_card(tmp_path: Path) -> None:
    pipeline, merge = merged(tmp_path)
    assert render(pipeline, merge) == render(pipeline, merge)


def test_what_was_not_measured_says_so(tmp_path: Path) -> None:
    pipeline, merge = merged(tmp_path)
    for file in (tmp_path / "laion" / "statistics" / "new").iterdir():
        file.unlink()
    assert cells(render(pipeline, merge), "laion new")[0] == "not measured"
