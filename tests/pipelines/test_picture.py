from pathlib import Path
from xml.etree import ElementTree

from pipelines.picture import COLOURS, funnel_svg
from pipelines.status import Funnel, Level, funnels
from tests.pipelines.shards import write_branch

SVG = "{http://www.w3.org/2000/svg}"


def test_bars_are_as_wide_as_the_rows_that_got_through(tmp_path: Path) -> None:
    write_branch(str(tmp_path / "laion"), source="laion", shards=2, rows=10, captions="new")
    picture = ElementTree.fromstring(funnel_svg(funnels(str(tmp_path))))
    widths = [float(bar.get("width", 0)) for bar in picture.findall(f"{SVG}rect")][1:]
    counts = [int(str(text.text)) for text in picture.findall(f"{SVG}text") if text.get("class") == "count"]
    assert counts == [20, 20, 18, 18, 16, 14]
    assert [round(width / widths[0], 2) for width in widths] == [count / 20 for count in counts]


def test_names_are_escaped_and_colours_come_round_again() -> None:
    many = [Funnel(branch=f"<{n}>", shards=0, levels=[Level(name="a", rows=0, kept=0, rejects={})]) for n in range(7)]  # type: ignore[arg-type]
    picture = ElementTree.fromstring(funnel_svg(many))
    assert "<6>" in {text.text for text in picture.findall(f"{SVG}text")}
    assert {bar.get("fill") for bar in picture.findall(f"{SVG}rect")} == set(COLOURS)
