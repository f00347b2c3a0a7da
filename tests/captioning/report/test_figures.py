from pathlib import Path

from plotly.graph_objects import Figure

from captioning.report.content import SCORE_STEP, Outcomes, Report, Step
from captioning.report.drawing import PALETTE
from captioning.report.figures import REASONS, figures
from tests.captioning.report.build import report, text_set
from tests.captioning.tiny_tokenizer import save_tokenizer


def trace(figure: dict[str, object], name: str) -> dict[str, object]:
    return next(found for found in figure["data"] if found["name"] == name)  # type: ignore[attr-defined]


OUTCOMES = [
    Outcomes(source="laion", captions=100, finish_reasons={"stop": 90, "length": 10}, flags={"repetition": 5}),
    Outcomes(source="coyo", captions=50, finish_reasons={"stop": 50}, rules={"opening": 7}),
]
PLOTS = {"lengths-words", "lengths-tokens", "growth-words", "funnel", "scores", "reasons"}


def test_plotly_itself_accepts_every_figure(tmp_path: Path) -> None:
    encoder = save_tokenizer(tmp_path)
    texts = [text_set("laion new", [f"a {word} cat" for word in "abcdefghijklmnop"] * 4, encoder=encoder)]
    drawn = figures(report(texts=texts, outcomes=OUTCOMES))
    outcomes = {"outcomes-finish", "outcomes-flags", "outcomes-rules"}
    assert set(drawn) - {"growth-nouns"} == PLOTS | outcomes | {"lengths-encoder"}
    for figure in drawn.values():
        Figure(figure)


def test_only_what_there_are_values_for_is_drawn() -> None:
    texts = [text_set("a file", ["a cat"])]
    assert set(figures(Report(title="x", texts=texts))) == {"lengths-words", "lengths-tokens"}


def test_captions_are_counted_by_how_they_came_out() -> None:
    drawn = figures(report(outcomes=OUTCOMES))
    laion, coyo = drawn["outcomes-finish"]["data"]
    assert laion["y"] == coyo["y"] == ["stop", "length"]
    assert (laion["x"], coyo["x"]) == ([90, 10], [50, 0])
    assert laion["customdata"][1] == "10.0%; length"
    assert trace(drawn["outcomes-rules"], "coyo")["x"] == [7]
    assert trace(drawn["outcomes-flags"], "coyo")["marker"]["color"] == PALETTE[1]  # type: ignore[index]


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
