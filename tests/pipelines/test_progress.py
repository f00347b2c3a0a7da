import io
from pathlib import Path

from rich.console import Console

from curation import storage
from curation.dataset import Dataset, Shard
from pipelines.progress import ConsoleDisplay, Display, _time_left
from tests.pipelines.shards import Append

SHARDS = [Shard(index=0), Shard(index=1)]


def shown(dataset: Dataset, *, terminal: bool) -> str:
    """What a display prints while both shards are being finished."""
    file = io.StringIO()
    stage = Append(name="a")
    with ConsoleDisplay(Console(file=file, force_terminal=terminal, width=120)).watch(
        "laion", dataset, [stage], SHARDS
    ):
        for shard in SHARDS:
            storage.write_text(stage.output(dataset, shard), "x")
    return file.getvalue()


def test_a_file_gets_a_line_and_a_terminal_a_bar(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    assert "laion: a 2/2\n" in shown(dataset, terminal=False)
    bar = shown(dataset, terminal=True)
    assert "laion: a" in bar
    assert "2/2" in bar


def test_the_time_left_is_that_of_the_stage_that_needs_longest() -> None:
    assert _time_left([0, 0], [50, 20], 100, 3600.0) == ", about 4:00 h left"
    assert _time_left([10, 0], [100, 20], 100, 60.0) == ", about 0:04 h left"
    assert _time_left([90], [95], 100, 90.0) == ", about 0:02 h left", "what was there before is no measure of pace"


def test_while_the_pace_is_unknown_no_time_is_given() -> None:
    assert _time_left([5, 5], [6, 5], 100, 60.0) == ""
    assert _time_left([5], [100], 100, 60.0) == ""


def test_the_silent_display_takes_the_same_calls(tmp_path: Path) -> None:
    display = Display()
    display.say("nothing")
    with display.watch("laion", Dataset(str(tmp_path)), [Append(name="a")], SHARDS):
        assert list(tmp_path.iterdir()) == []


def test_a_line_repeats_no_secret() -> None:
    file = io.StringIO()
    ConsoleDisplay(Console(file=file, width=120)).say("sftp://me:pw@host/run [x]: done")
    assert file.getvalue().endswith("sftp://***@host/run [x]: done\n")
