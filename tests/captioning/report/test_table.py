from dataclasses import replace
from pathlib import Path

from captioning.report.table import (
    MISSING,
    intervals,
    markdown,
    markdown_table,
    overlap_table,
    repeats_table,
    texts_table,
)
from captioning.statistics import AltTextOverlap, Duplicates
from captioning.statistics.ratio import Ratio
from captioning.statistics.top_words import TopWords
from tests.captioning.report.build import text_set
from tests.captioning.tiny_tokenizer import save_tokenizer

TWO = text_set("laion new", ["a red cat", "a dog on a mat"])
UNTAGGED = replace(
    TWO, statistics=replace(TWO.statistics, nouns=None, adjectives_adverbs=None, prepositions=None, distinct_nouns=None)
)
OVERLAP = AltTextOverlap(
    words=Ratio(units=2, whole=8, part=2, whole_squared=34, part_squared=2, product=8),
    names=Ratio(units=1, whole=4, part=3),
    titles=1,
    lost_names=TopWords(),
)
"""Of 3 and 5 words one each was there before."""


def test_the_table_has_the_papers_columns_with_standard_errors() -> None:
    header, rule, row, *_ = markdown([TWO]).splitlines()
    assert header == "| texts of | texts | words | NN | JJ/RB | IN | tokens | distinct nouns | over 77 |"
    assert rule.count("---") == 9
    assert row.startswith("| laion new | 2 | 4.00 ± 1.00 | ")
    assert row.split(" | ")[6] == "6.00 ± 1.00", "start and end count as tokens"
    assert row.endswith(" | 0.0 % |")


def test_what_was_not_counted_is_marked_as_missing() -> None:
    [cells] = texts_table([UNTAGGED]).rows
    assert cells == ["laion new", "2", "4.00 ± 1.00", *[MISSING] * 3, "6.00 ± 1.00", MISSING, "0.0 %"]


def test_an_estimated_number_of_nouns_has_its_error() -> None:
    estimated = replace(TWO.statistics, distinct_nouns=40_000, distinct_nouns_relative_error=0.005)
    assert "40,000 ± 200" in texts_table([replace(TWO, statistics=estimated)]).rows[0]


def test_a_text_encoders_tokens_have_columns_where_it_is_named(tmp_path: Path) -> None:
    encoder = save_tokenizer(tmp_path / "flan-t5-xl")
    with_it = text_set("laion new", ["a red dog", "dog " * 100, "dog " * 200, "dog"], encoder=encoder)
    table = texts_table([with_it, TWO])
    assert table.header[-3:] == ["flan-t5-xl tokens", "flan-t5-xl over 77", "flan-t5-xl over 128"]
    assert table.rows[0][-2:] == ["50.0 %", "25.0 %"]
    assert table.rows[0][-3].startswith("77.00 ± ")
    assert table.rows[1][-3:] == [MISSING] * 3
    assert "| flan-t5-xl tokens | flan-t5-xl over 77 | flan-t5-xl over 128 |" in markdown([with_it])


def test_old_texts_stand_beside_the_new() -> None:
    old = text_set("laion alt-text", ["cat", "a dog"])
    table = overlap_table([old, replace(TWO, overlap=OVERLAP.overlap())])
    assert table is not None
    [row] = table.rows
    assert row[:4] == ["laion new", "2", "1.50 ± 0.50", "4.00 ± 1.00"]
    assert row[4].startswith("25.0 % ± ")
    assert row[5:] == ["4", "3", "75.0 %"]
    assert "1 such alt-texts" in table.caption
    assert len(row) == len(table.header)


def test_names_that_nobody_looked_for_are_missing() -> None:
    table = overlap_table([replace(TWO, overlap=replace(OVERLAP, names=Ratio()).overlap())])
    assert table is not None
    assert table.rows[0][2] == MISSING, "no alt-texts were measured"
    assert table.rows[0][5:] == [MISSING] * 3


def test_files_replace_nothing() -> None:
    assert overlap_table([TWO]) is None


def test_repeats_are_shares_and_a_sample_is_called_one() -> None:
    repeats = Duplicates(
        exact=0.1, near=0.25, exact_error=0.01, near_error=0.02, compared=4_000, sampled=True, most_frequent=()
    )
    sampled = replace(TWO, statistics=replace(TWO.statistics, duplicates=repeats))
    table = repeats_table([text_set("laion new", ["a cat", "A cat."]), sampled])
    assert list(table.rows[0]) == ["laion new", "2", "50.0 %", "50.0 %"]
    assert list(table.rows[1]) == ["laion new", "4,000 (a sample)", "10.0 % ± 1.0", "25.0 % ± 2.0"]
    assert "A sample may miss a template" in table.caption
    assert "sample" not in repeats_table([TWO]).caption


def test_one_text_has_an_average_and_no_error() -> None:
    assert texts_table([text_set("one", ["a red cat"])]).rows[0][2] == "3.00"


def test_intervals_have_the_text_encoders_tokens_too(tmp_path: Path) -> None:
    encoder = save_tokenizer(tmp_path / "tiny")
    shown = intervals(text_set("new", ["a red cat", "a dog on a mat"], encoder=encoder))
    assert shown.endswith(", tiny tokens 3.04 to 6.96")


def test_intervals_reach_two_standard_errors_to_either_side() -> None:
    assert intervals(UNTAGGED) == "laion new: words 2.04 to 5.96, tokens 4.04 to 7.96"
    assert intervals(text_set("one", ["a red cat"])) == "one: too few texts for intervals"


def test_a_name_cannot_break_the_table() -> None:
    assert markdown_table(["a"], [["x | y\nz"]]).splitlines()[2] == "| x &#124; y z |"
