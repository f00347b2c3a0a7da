import shutil
from pathlib import Path

import pytest

from captioning.part_of_speech import has_nltk_data
from captioning.report.content import Report
from captioning.statistics import duplicates
from pipelines.errors import UsageError
from pipelines.report.collect import check, collect
from tests.captioning.tiny_tokenizer import save_tokenizer
from tests.pipelines.report.merged import merged_run


def names(report: Report) -> list[str]:
    return [row.name for row in report.texts]


def test_a_runs_folder_is_its_branches_with_the_merge_at_the_end_of_the_funnel(tmp_path: Path) -> None:
    run = tmp_path / "run"
    merged_run(run)
    report = collect([str(run)])
    assert report.title == "run"
    assert names(report) == ["coyo alt-text", "coyo new", "laion alt-text", "laion new"]
    assert {step.source: step.kept for step in report.steps if step.name == "merged"} == {"coyo": 7, "laion": 7}
    assert [one.source for one in report.scores] == ["coyo", "laion"]
    assert [(one.source, one.captions, dict(one.flags)) for one in report.outcomes] == [
        (source, 8, {"empty_caption": 1}) for source in ("coyo", "laion")
    ]
    assert len(report.samples) == 20
    assert [sample.sample_id for sample in report.samples] == sorted(sample.sample_id for sample in report.samples)
    assert report.parts_of_speech == has_nltk_data()


def test_a_dataset_and_a_training_set_can_stand_by_themselves(tmp_path: Path) -> None:
    merged_run(tmp_path)
    assert names(collect([str(tmp_path / "laion")])) == ["laion alt-text", "laion new"]
    training = collect([str(tmp_path / "training")])
    assert names(training) == ["coyo alt-text", "coyo new", "laion alt-text", "laion new"]
    assert training.steps == []
    assert len(training.samples) == 14


def test_several_paths_stand_side_by_side(tmp_path: Path) -> None:
    for run in ("a", "b"):
        merged_run(tmp_path / run)
    (tmp_path / "prompts.txt").write_text("a cat\n")
    report = collect([str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "prompts.txt")])
    assert names(report) == [
        *(f"{run}/{branch} {kind}" for run in "ab" for branch in ("coyo", "laion") for kind in ("alt-text", "new")),
        "prompts.txt",
    ]
    assert {step.source for step in report.steps} == {"a/coyo", "a/laion", "b/coyo", "b/laion"}
    assert len({sample.source for sample in report.samples}) == 4


def test_paths_that_end_alike_are_told_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.txt").write_text("a cat\n")
    paths = [str(tmp_path / "a" / "x.txt"), str(tmp_path / "b" / "x.txt")]
    assert names(collect(paths)) == paths


def test_a_file_can_be_drawn_from_in_any_order(tmp_path: Path) -> None:
    lines = [f"caption of {number} words" + " more" * number for number in range(50)]
    for name, given in (("a.txt", lines), ("b.txt", lines[::-1])):
        (tmp_path / name).write_text("\n".join(given))
    first, second = (collect([str(tmp_path / name)], sample=10).texts[0] for name in ("a.txt", "b.txt"))
    assert first.statistics == second.statistics
    assert (first.statistics.texts, first.drawn) == (10, 10)


def test_texts_in_other_scripts_get_a_note(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a cat\na dog\nкот\n")
    (tmp_path / "b.txt").write_text("a cat\n")
    notes = [note for note in collect([str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]).notes if "script" in note]
    assert len(notes) == 1
    assert notes[0].startswith("33.3 % of the texts of a.txt are mostly in another script")


def test_a_text_encoder_is_measured_everywhere(tmp_path: Path) -> None:
    merged_run(tmp_path / "run")
    (tmp_path / "a.txt").write_text("a red dog\n")
    encoder = save_tokenizer(tmp_path / "encoder")
    paths = [str(tmp_path / "run" / "laion"), str(tmp_path / "run" / "training"), str(tmp_path / "a.txt")]
    found = collect(paths, text_encoder=encoder)
    means = {row.name: row.statistics.encoder_tokens for row in found.texts if row.is_caption}
    assert means == {"laion new": 6, "coyo new": 6, "a.txt": 4}
    assert {row.text_encoder for row in found.texts} == {encoder}


def test_a_wrong_text_encoder_is_found_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no tokenizer there"):
        collect(["no such file"], text_encoder=str(tmp_path))


def test_what_shows_at_once_is_found_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"words": "a"}\n')
    with pytest.raises(UsageError, match="no column 'prompt'"):
        check([str(tmp_path / "c.jsonl")], column="prompt")
    with pytest.raises(UsageError, match="no such file or folder"):
        check([str(tmp_path / "nothing.txt")])
    merged_run(tmp_path / "run")
    check([str(tmp_path / "run")])


def test_two_captions_of_a_branch_come_out_by_their_names(tmp_path: Path) -> None:
    merged_run(tmp_path)
    shutil.copytree(tmp_path / "laion" / "captions" / "new", tmp_path / "laion" / "captions" / "other")
    assert [one.source for one in collect([str(tmp_path / "laion")]).outcomes] == ["laion new", "laion other"]


def test_what_is_estimated_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("\n".join(f"text number {number}" for number in range(50)))
    assert not [note for note in collect([str(tmp_path / "a.txt")]).notes if "sketch" in note]
    monkeypatch.setattr(duplicates, "LIMIT", 20)
    [note] = [note for note in collect([str(tmp_path / "a.txt")]).notes if "sketch" in note]
    assert note.startswith("Repeats of a.txt are estimated on a sample of the texts")


def test_a_run_without_captions_has_nothing_to_report(tmp_path: Path) -> None:
    merged_run(tmp_path)
    shutil.rmtree(tmp_path / "laion" / "captions")
    with pytest.raises(UsageError, match="no captions there yet"):
        collect([str(tmp_path / "laion")])


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match=r"no dataset\.json here or one level below"):
        collect([str(tmp_path)])
