from dataclasses import replace

from captioning.report.drawing import colours_of
from captioning.report.growth import FEWEST, growth
from captioning.statistics.vocabulary import VocabularyPoint
from tests.captioning.report.build import text_set

TEXTS = [f"a thing{number} of kind{number % 20}" for number in range(200)]
SETS = [text_set("laion alt-text", TEXTS[:100]), text_set("laion new", TEXTS)]
COLOURS = colours_of(["laion"])


def test_a_curve_ends_at_all_texts_and_their_different_words() -> None:
    figure = growth(SETS, COLOURS, "words")
    assert figure is not None
    old, new = figure["data"]
    assert (new["x"][-1], new["y"][-1]) == (200, 4 + 200), "a, thing, of, kind and the numbers"
    assert (old["x"][-1], old["y"][-1]) == (100, 4 + 100)
    assert min(new["x"]) >= FEWEST
    assert new["x"] == sorted(new["x"])
    assert (old["line"]["dash"], new["line"]["dash"]) == ("dot", "solid")
    assert old["line"]["color"] == new["line"]["color"]


def test_nouns_have_their_own_curve() -> None:
    points = tuple(VocabularyPoint(texts=n, words=n, distinct=n // 2, relative_error=0.0) for n in (2, 10, 50))
    row = replace(SETS[1], statistics=replace(SETS[1].statistics, noun_growth=points))
    figure = growth([row], COLOURS, "nouns")
    assert figure is not None
    assert (figure["data"][0]["x"], figure["data"][0]["y"]) == ([10, 50], [5, 25])
    assert "nouns" in figure["layout"]["yaxis"]["title"]["text"]


def test_a_few_texts_have_no_curve() -> None:
    assert growth([text_set("laion new", ["a cat", "a dog"])], COLOURS, "words") is None
    row = replace(SETS[1], statistics=replace(SETS[1].statistics, noun_growth=()))
    assert growth([row], COLOURS, "nouns") is None


def test_axes_have_round_numbers_written_out_and_not_too_many() -> None:
    few = growth(SETS, COLOURS, "words")
    assert few is not None
    assert few["layout"]["xaxis"]["ticktext"] == ["5", "10", "20", "50", "100", "200"]
    points = tuple(VocabularyPoint(texts=n, words=n, distinct=n // 2, relative_error=0.0) for n in (9, 30_000_000))
    row = replace(SETS[1], statistics=replace(SETS[1].statistics, vocabulary_growth=points))
    many = growth([row], COLOURS, "words")
    assert many is not None
    assert many["layout"]["xaxis"]["tickvals"] == [10**power for power in range(1, 8)]
