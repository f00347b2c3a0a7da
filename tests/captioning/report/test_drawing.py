from plotly.graph_objects import Figure

from captioning.report.drawing import PALETTE, ROW, axis, bar, bars, colours_of, mark, plain


def test_sources_have_colours_in_the_order_in_which_they_come() -> None:
    assert colours_of(["b", "a", "b"]) == {"b": PALETTE[0], "a": PALETTE[1]}
    assert len(colours_of(map(str, range(20)))) == 20


def test_a_name_is_no_markup() -> None:
    assert plain("<b>&") == "&lt;b>&amp;"
    assert bar("<b>", ["x"], [1], "#000000")["name"] == "&lt;b>"


def test_bars_grow_with_their_number_and_plotly_accepts_them() -> None:
    one, two = (bars([bar("laion", ["x"] * rows, [1] * rows, "#000000")], rows, "rows") for rows in (1, 2))
    assert two["layout"]["height"] - one["layout"]["height"] == ROW
    Figure(two)


def test_each_mark_has_its_line_and_its_label() -> None:
    marks = mark([(77, "77"), (128, "128")])
    assert [shape["x0"] for shape in marks["shapes"]] == [shape["x1"] for shape in marks["shapes"]] == [77, 128]
    assert [label["text"] for label in marks["annotations"]] == ["77", "128"]


def test_the_first_axis_has_no_number() -> None:
    assert [axis("y", 0), axis("yaxis", 1)] == ["y", "yaxis2"]
