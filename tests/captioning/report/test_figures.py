import pytest
from plotly.graph_objects import Figure

from captioning.report.content import SCORE_STEP, Report, Step
from captioning.report.figures import PALETTE, REASONS, figures
from tests.captioning.report.build import report, text_set


def trace(figure: dict[str, object], name: str) -> dict[str, object]:
    return next(found for found in figure["data"] if found["name"] == name)  # type: ignore[attr-defined]


def test_plotly_itself_accepts_every_figure() -> None:
    drawn = figures(report())
    assert set(drawn) == {"lengths-words", "lengths-tokens", "funnel", "scores", "reasons"}
    for figure in drawn.values():
        Figure(figure)


def test_only_what_there_are_values_for_is_drawn() -> None:
    texts = [text_set("a file", ["a cat"])]
    assert set(figures(Report(title="x", texts=texts))) == {"lengths-words", "lengths-tokens"}


def test_lengths_are_shares_of_the_texts_with_a_row_for_each_source() -> None:
    figure = figures(report())["lengths-words"]
    for outline in figure["data"]:
        assert sum(outline["y"]) == pytest.approx(1)
    axes = {outline["name"]: outline["yaxis"] for outline in figure["data"]}
    assert axes == {"laion alt-text": "y", "laion new": "y", "coyo new": "y2"}
    assert figure["layout"]["grid"]["rows"] == 2
    titles = [annotation["text"] for annotation in figure["layout"]["annotations"]]
    assert ["laion alt-text" in title for title in titles] == [True, False]


def test_the_longest_texts_join_the_last_bin() -> None:
    texts = [text_set("file", [*["a cat"] * 999, "word " * 5_000])]
    shares = trace(figures(Report(title="x", texts=texts))["lengths-words"], "file")
    assert max(shares["x"]) < 10  # type: ignore[type-var, call-overload]
    assert sum(shares["y"]) == pytest.approx(1)  # type: ignore[call-overload]


def test_clips_limit_is_marked_on_tokens_alone() -> None:
    drawn = figures(report())
    assert [shape["x0"] for shape in drawn["lengths-tokens"]["layout"]["shapes"]] == [77]
    assert "shapes" not in drawn["lengths-words"]["layout"]


def test_the_funnel_stacks_the_sources_of_every_step() -> None:
    figure = figures(report())["funnel"]
    laion, coyo = figure["data"]
    assert laion["y"] == coyo["y"] == ["planned", "downloaded", "kept", "merged"]
    assert (laion["x"], coyo["x"]) == ([100, 80, 20, 20], [100, 90, 60, 60])


def test_a_source_has_one_colour_everywhere() -> None:
    drawn = figures(report())
    colours = {trace(drawn[name], "coyo")["marker"]["color"] for name in ("funnel", "reasons")}  # type: ignore[index]
    assert colours == {PALETTE[1]} == {trace(drawn["lengths-words"], "coyo new")["line"]["color"]}  # type: ignore[index]


def test_reasons_are_the_commonest_with_their_sentences() -> None:
    rejects = {f"reason_{number:02d}": 100 - number for number in range(30)} | {"aesthetic": 200}
    step = Step(source="laion", name="kept", rows=10_000, kept=0, rejects=rejects)
    [bar] = figures(report(steps=[step]))["reasons"]["data"]
    assert len(bar["y"]) == REASONS
    assert (bar["y"][0], bar["x"][0]) == ("aesthetic", 200)
    assert bar["customdata"][0] == "The aesthetic score is not over the threshold."


def test_scores_show_what_any_threshold_keeps_and_mark_the_one_in_use() -> None:
    figure = figures(report())["scores"]
    assert [shape["x0"] for shape in figure["layout"]["shapes"]] == [6.0]
    kept = trace(figure, "share over it")
    shares = dict(zip(kept["x"], kept["y"], strict=True))  # type: ignore[call-overload]
    assert shares[20 * SCORE_STEP] == 1
    assert shares[6.0] == 0.25
    assert shares[27 * SCORE_STEP] == 0


def test_names_are_text_to_plotly_and_no_markup() -> None:
    figure = figures(Report(title="x", texts=[text_set("<b>", ["a cat"])]))["lengths-words"]
    assert "&lt;b>" in figure["layout"]["annotations"][0]["text"]
