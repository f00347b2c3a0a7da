"""Prompts from every format that benchmarks come in."""

import json
from pathlib import Path

import pytest

from training.errors import SettingsError
from training.inference.prompts import Prompt, numbered, read_prompts


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def pairs(prompts: list[Prompt]) -> list[tuple[str, str]]:
    return [(prompt.name, prompt.text) for prompt in prompts]


def test_prompts_of_a_command_line_are_numbered() -> None:
    assert pairs(numbered(["a", "b"])) == [("00000", "a"), ("00001", "b")]


def test_plain_text_has_a_prompt_a_line(tmp_path: Path) -> None:
    path = write(tmp_path, "p.txt", "\ufeffa red\u2028ball\r\n\n  a blue box \n")
    assert pairs(read_prompts(path)) == [("00000", "a red\u2028ball"), ("00001", "a blue box")]


def test_dpg_bench_has_a_row_for_every_question(tmp_path: Path) -> None:
    table = (
        "item_id,text,keywords,proposition_id\n"
        'COCOval_1,"a ball, ""red""\nand a box",x,1\n'
        'COCOval_1,"a ball, ""red""\nand a box",x,2\n'
        "localized2,a cat,x,1\n"
    )
    found = read_prompts(write(tmp_path, "dpg_bench.csv", table))
    assert pairs(found) == [("COCOval_1", 'a ball, "red"\nand a box'), ("localized2", "a cat")]


def test_parti_prompts_are_a_table_with_tabs(tmp_path: Path) -> None:
    path = write(tmp_path, "PartiPrompts.tsv", 'Prompt\tCategory\nbond\tAbstract\n"a ""sign"""\tText\n')
    assert pairs(read_prompts(path)) == [("00000", "bond"), ("00001", 'a "sign"')]


def test_json_lines_name_their_prompts(tmp_path: Path) -> None:
    rows = [{"item_id": 7, "text": "ä ball"}, {"item_id": "x", "text": "a box"}]
    path = write(tmp_path, "p.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n")
    assert pairs(read_prompts(path)) == [("7", "ä ball"), ("x", "a box")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.txt", "\n\n", "no prompt in it"),
        ("p.csv", "", "no prompt in it"),
        ("p.csv", "a,b\n1,2\n", "no column prompt, text, caption; name the prompts' with --column: a, b"),
        ("p.csv", "id,text\n1,one\n1,two\n", "'1' names two prompts, 'one' and 'two'"),
        ("p.csv", "id,text\n1\n", r"line 2 has no text in 'text' \(got None\)"),
        ("p.jsonl", '{"text": "a"}\n{"text":', "line 2 is not JSON"),
        ("p.jsonl", '["a"]\n', "line 1 is list; expected an object with a prompt"),
        ("p.jsonl", '{"text": 3}\n', "line 1 has no text in 'text'"),
        ("p.txt", b"caf\xe9\n", "not UTF-8"),
    ],
)
def test_what_is_no_prompt_is_said_with_its_place(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(SettingsError, match=message) as caught:
        read_prompts(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_another_column_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path, "p.csv", "text,long\na,b\n")
    assert pairs(read_prompts(path)) == [("00000", "a")]
    assert pairs(read_prompts(path, column="long")) == [("00000", "b")]


def test_a_column_that_is_not_there_is_refused_with_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, "p.csv", "prmpt\na\n")
    with pytest.raises(SettingsError, match=r"no column 'prompt' \(did you mean 'prmpt'\?\)"):
        read_prompts(path, column="prompt")
    with pytest.raises(SettingsError, match="a plain text file has no column"):
        read_prompts(write(tmp_path, "p.txt", "a"), column="prompt")
    with pytest.raises(SettingsError, match=r"nothing\.csv: no such file"):
        read_prompts(str(tmp_path / "nothing.csv"))
