from pathlib import Path

import pyarrow as pa
import pytest

from curation import storage
from curation.dataset import Shard, sample_id
from curation.schemas import URLS
from pipelines.cli import main
from tests.pipelines.report.merged import merged_run
from tests.pipelines.shards import write_branch


def test_the_whole_history_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    merged_run(tmp_path)
    wanted = sample_id("http://host/4.jpg")
    assert main(["inspect", str(tmp_path), wanted]) == 0
    shown = capsys.readouterr().out
    places = [line for line in shown.splitlines() if line and not line.startswith(" ")]
    assert places == [f"laion: sample {wanted}", f"training: sample {wanted}"]
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "url http://host/4.jpg" in lines
    assert "aesthetic 6.5" in lines
    assert "reason -" in lines
    assert "  captions/new/00000.parquet\n" in shown


def test_why_a_sample_was_dropped_is_printed_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = write_branch(str(tmp_path / "laion"), source="laion", shards=1, rows=5, captions="new")
    assert main(["inspect", dataset.root, "000000001"]) == 0
    shown = capsys.readouterr().out
    selection = shown.partition("selection/00000.parquet")[2]
    assert "-> stopped here: aesthetic: The aesthetic score is not over the threshold.\n" in selection
    assert "captions/new/00000.parquet\n    the sample is not in it" in selection


def test_a_terminal_shows_what_strangers_wrote_and_does_not_obey_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write_branch(str(tmp_path / "laion"), source="laion", shards=1, rows=5, captions="new")
    url = "http://me:pass@h/é?token=abc"
    row = {"sample_id": "f" * 16, "url": url, "alt_text": "\x1b[2J\nsample faked", "source": "laion"}
    storage.write_table(dataset.urls(Shard(index=0)), pa.Table.from_pylist([row], URLS))
    assert main(["inspect", dataset.root, "f" * 16]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\\x1b[2J\\nsample faked\n" in shown
    assert "http://***@h/é?token=***\n" in shown


@pytest.mark.parametrize("arguments", [["{folder}", "nobody"], ["{folder}/nothing", "x"], ["{folder}"], []])
def test_what_cannot_be_shown_is_a_usage_error_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    write_branch(str(tmp_path / "laion"), source="laion", shards=1, rows=5, captions="new")
    assert main(["inspect", *(argument.format(folder=tmp_path) for argument in arguments)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("ella: inspect: ")
    assert error.count("\n") == 1
