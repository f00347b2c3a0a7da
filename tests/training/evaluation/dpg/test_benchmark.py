"""The table as it should be, and in every way in which it should not."""

from pathlib import Path

import pytest

from tests.training.evaluation.dpg.tables import HEADER, row, save
from training.evaluation.dpg.benchmark import level1, read_benchmark


def test_rows_keep_their_order_and_items_have_parents_first(tmp_path: Path) -> None:
    rows = [row("007", 2, "3, 1"), row("007", 1), row("b", 1, "0", "attribute - color"), row("007", 3, "1")]
    benchmark = read_benchmark(save(tmp_path / "t.csv", rows))
    assert [(one.item_id, one.number, one.parents) for one in benchmark.rows] == [
        ("007", 2, (3, 1)), ("007", 1, ()), ("b", 1, ()), ("007", 3, (1,)),
    ]  # fmt: skip
    assert list(benchmark.items) == ["007", "b"]
    assert list(benchmark.items["007"].propositions) == [1, 3, 2]
    assert benchmark.items["007"].text == "prompt of 007"
    assert benchmark.items["b"].propositions[1].category == "attribute - color"
    assert benchmark.items["b"].questions == ["is proposition 1 of b so?"]


def test_a_question_that_is_there_twice_is_asked_once(tmp_path: Path) -> None:
    rows = [row("a", 2, question="is it red?"), row("a", 1, question="is it red?"), row("a", 3, question="a cat?")]
    assert read_benchmark(save(tmp_path / "t.csv", rows)).items["a"].questions == ["a cat?", "is it red?"]


def test_the_broad_category_stands_before_the_first_dash() -> None:
    assert [level1(name) for name in ("entity - whole", "relation - non-spatial", "global", "other -x")] == [
        "entity", "relation", "global", "other",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no rows under the header"),
        ([row("a", 1, "2")], "item a: proposition 1 depends on 2, which is not there"),
        ([row("a", 1), row("b", 2, "1")], "item b: proposition 2 depends on 1"),
        ([row("a", 1, "1")], "item a: propositions depend on each other in a circle, 1 -> 1"),
        ([row("a", 1, "2"), row("a", 2, "3"), row("a", 3, "1")], "in a circle"),
        ([row("a", 1), row("a", 1)], "item a: proposition 1 is there 2 times"),
        ([row("a", 1) | {"dependency": "x"}], "line 2: dependency is 'x': expected a whole number"),
        ([row("a", 1) | {"dependency": ""}], "line 2: dependency is ''"),
        ([row("a", 1) | {"proposition_id": "1.5"}], "proposition_id is '1.5'"),
        ([row("a", 1), row("", 2)], "line 3: empty item_id"),
        ([row("a", 1) | {"tuple": "(x)"}], "empty tuple"),
        ([row("a", 1) | {"question_natural_language": " "}], "empty question"),
        (
            [row("a", number, "99") for number in range(1, 9)],
            "; and 3 more. Repair these rows, or take them out; --allow-broken does",
        ),
    ],
)
def test_a_table_that_cannot_be_scored_is_refused(tmp_path: Path, rows: list[dict[str, str]], said: str) -> None:
    path = save(tmp_path / "t.csv", rows)
    with pytest.raises(ValueError, match=r"t\.csv: ") as caught:
        read_benchmark(path)
    assert said in str(caught.value)


def test_a_missing_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    text = (tmp_path / "t.csv").write_text(",".join(HEADER).replace("proposition_id", "propositionid") + "\n")
    assert text
    with pytest.raises(
        ValueError, match=r"no column proposition_id \(did you mean 'propositionid'\?\); it has item_id"
    ):
        read_benchmark(str(tmp_path / "t.csv"))


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "it has none"), (b"item_id\xff\xfe,text\n1,2\n", "not a CSV file")]
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=said):
        read_benchmark(str(tmp_path / "t.csv"))


def test_a_byte_order_mark_and_line_breaks_in_fields_are_read(tmp_path: Path) -> None:
    path = save(tmp_path / "t.csv", [row("a", 1) | {"text": "two\nlines"}])
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "t.csv").read_bytes())
    assert read_benchmark(path).items["a"].text == "two\nlines"


def test_broken_dependencies_can_be_done_without(tmp_path: Path) -> None:
    rows = [
        row("a", 1, "2"), row("a", 2, "3"), row("a", 3, "1, 4"), row("a", 4, "9"), row("a", 5, "1"),
        row("b", 1, "2"), row("b", 2, question="first?"), row("b", 2, question="last?"),
    ]  # fmt: skip
    benchmark = read_benchmark(save(tmp_path / "t.csv", rows), allow_broken=True)
    parents = {number: one.parents for number, one in benchmark.items["a"].propositions.items()}
    assert parents == {1: (), 2: (), 3: (4,), 4: (), 5: (1,)}
    assert list(parents).index(4) < list(parents).index(3)
    assert benchmark.items["b"].questions == ["is proposition 1 of b so?", "last?"]
    assert [fault.partition(":")[0] for fault in benchmark.broken] == ["item a", "item a", "item b"]
    assert [one.parents for one in benchmark.rows[:2]] == [(2,), (3,)], "legacy sees the table as it is"
