from dataclasses import replace

from captioning.report.table import cells, intervals, markdown, markdown_table
from tests.captioning.report.build import text_set

TWO = text_set("laion new", ["a red cat", "a dog on a mat"])
UNTAGGED = replace(
    TWO, statistics=replace(TWO.statistics, nouns=None, adjectives_adverbs=None, prepositions=None, distinct_nouns=None)
)


def test_the_table_has_the_papers_columns_with_standard_errors() -> None:
    header, rule, row = markdown([TWO]).splitlines()
    assert header == "| texts of | texts | words | NN | JJ/RB | IN | tokens |"
    assert rule == "| --- | --- | --- | --- | --- | --- | --- |"
    assert row.startswith("| laion new | 2 | 4.00 ± 1.00 | ")
    assert row.endswith(" | 6.00 ± 1.00 |"), "start and end count as tokens"


def test_what_was_not_counted_is_marked_as_missing() -> None:
    assert cells(UNTAGGED) == ["laion new", "2", "4.00 ± 1.00", "missing", "missing", "missing", "6.00 ± 1.00"]


def test_one_text_has_an_average_and_no_error() -> None:
    assert cells(text_set("one", ["a red cat"]))[2] == "3.00"


def test_intervals_reach_two_standard_errors_to_either_side() -> None:
    assert intervals(UNTAGGED) == "laion new: words 2.04 to 5.96, tokens 4.04 to 7.96"
    assert intervals(text_set("one", ["a red cat"])) == "one: too few texts for intervals"


def test_a_name_cannot_break_the_table() -> None:
    assert markdown_table(["a"], [["x | y\nz"]]).splitlines()[2] == "| x &#124; y z |"
