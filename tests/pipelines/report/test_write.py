import json
from pathlib import Path

from captioning.report.headline import headline
from pipelines.report.write import write
from tests.captioning.report.build import report


def test_the_three_files_agree(tmp_path: Path) -> None:
    write(report(), str(tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "report.html",
        "statistics.json",
        "statistics.md",
    ]
    numbers = json.loads((tmp_path / "out" / "statistics.json").read_text())
    table = (tmp_path / "out" / "statistics.md").read_text()
    page = (tmp_path / "out" / "report.html").read_text()
    assert numbers["headline"] == headline(report())
    words = numbers["texts"]["laion alt-text"]["words"]
    assert f"| laion alt-text | 2 | {words:.2f} ± 0.00 |" in table
    assert f"<td>{words:.2f} <small>±0.00</small></td>" in page
