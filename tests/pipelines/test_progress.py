import io
from pathlib import Path

from rich.console import Console

from curation import storage
from curation.dataset import Dataset, Shard
from pipelines.progress import ConsoleDisplay, Display
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


def test_the_silent_display_takes_the_same_calls(tmp_path: Path) -> None:
    display = Display()
    display.say("nothing")
    with display.watch("laion", Dataset(str(tmp_path)), [Append(name="a")], SHARDS):
        assert list(tmp_path.iterdir()) == []
