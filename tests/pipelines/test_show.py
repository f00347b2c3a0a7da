import io
from collections import Counter
from pathlib import Path

from rich.console import Console

from curation.dataset import Shard
from pipelines.chain import Failure
from pipelines.show import FAILURES_SHOWN, show_failures, show_funnels
from pipelines.status import Funnel, Level, funnels
from tests.pipelines.shards import write_branch


def printed(show: object, *args: object) -> str:
    assert callable(show)
    file = io.StringIO()
    show(Console(file=file, width=160), *args)
    return file.getvalue()


def test_the_tables_show_numbers_reasons_and_their_sentences(tmp_path: Path) -> None:
    write_branch(str(tmp_path / "laion"), source="laion", shards=2, rows=10, captions="new")
    text = printed(show_funnels, funnels(str(tmp_path)))
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    assert ["downloaded", "18"] in rows
    assert ["downloaded", "not_found", "2", "The server says that the image is gone (404 or 410)."] in rows


def test_merged_comes_last_and_an_unknown_reason_stands_alone() -> None:
    level = Level(name="merged", rows=2, kept=1, rejects=Counter({"made_up": 1}))
    late = Level(name="captioned: b", rows=1, kept=1, rejects=Counter())
    text = printed(
        show_funnels,
        [Funnel(branch="a", shards=1, levels=[level]), Funnel(branch="b", shards=1, levels=[late, level])],
    )
    assert text.index("captioned: b") < text.index("merged")
    assert "made_up" in text


def test_failures_are_listed_up_to_a_number() -> None:
    failures = [Failure(dataset="laion", shard=Shard(index=index), reason=f"why {index}") for index in range(30)]
    text = printed(show_failures, failures)
    assert "laion shard 00000: why 0" in text
    assert f"why {FAILURES_SHOWN}" not in text
    assert "and 10 more" in text
