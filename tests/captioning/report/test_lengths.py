from pathlib import Path

import pytest

from captioning.report.content import TextSet
from captioning.report.drawing import Figure, colours_of
from captioning.report.lengths import lengths
from tests.captioning.report.build import report, text_set
from tests.captioning.tiny_tokenizer import save_tokenizer


def drawn(texts: list[TextSet], measure: str = "words") -> Figure:
    figure = lengths(texts, colours_of(row.source for row in texts), measure)
    assert figure is not None
    return figure


def test_lengths_are_shares_of_the_texts_with_a_row_for_each_source() -> None:
    figure = drawn(list(report().texts))
    for outline in figure["data"]:
        assert sum(outline["y"]) == pytest.approx(1)
    axes = {outline["name"]: outline["yaxis"] for outline in figure["data"]}
    assert axes == {"laion alt-text": "y", "laion new": "y", "coyo new": "y2"}
    assert figure["layout"]["grid"]["rows"] == 2
    titles = [annotation["text"] for annotation in figure["layout"]["annotations"]]
    assert ["laion alt-text" in title for title in titles] == [True, False]


def test_the_longest_texts_join_the_last_bin() -> None:
    texts = [text_set("file", [*["a cat"] * 999, "word " * 5_000])]
    [shares] = drawn(texts)["data"]
    assert max(shares["x"]) < 10
    assert sum(shares["y"]) == pytest.approx(1)


@pytest.mark.parametrize(("measure", "marks"), [("words", []), ("tokens", [77]), ("encoder_tokens", [77, 128])])
def test_the_limits_are_marked_on_tokens_alone(measure: str, marks: list[int], tmp_path: Path) -> None:
    figure = drawn([text_set("new", ["a red dog", "a cat"], encoder=save_tokenizer(tmp_path))], measure)
    assert [shape["x0"] for shape in figure["layout"]["shapes"]] == marks
    assert sum(figure["data"][0]["y"]) == pytest.approx(1)
    assert max(figure["data"][0]["x"]) > max(marks, default=0), "where nothing reaches them too"


def test_sets_that_were_not_measured_are_left_out(tmp_path: Path) -> None:
    with_encoder = text_set("a new", ["a red dog"], encoder=save_tokenizer(tmp_path))
    without = text_set("b new", ["a red dog"])
    assert [trace["name"] for trace in drawn([without, with_encoder], "encoder_tokens")["data"]] == ["a new"]
    assert lengths([without], {}, "encoder_tokens") is None


def test_names_are_text_to_plotly_and_no_markup() -> None:
    figure = drawn([text_set("<b>", ["a cat"])])
    assert "&lt;b>" in figure["layout"]["annotations"][0]["text"]
