import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nltk.downloader import Downloader

from captioning import part_of_speech
from pipelines.cli import main
from tests.captioning.nltk_server import NltkServer, nltk_server, without_nltk_data
from tests.captioning.tiny_tokenizer import save_tokenizer
from tests.pipelines.report.merged import merged_run


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """NLTK's data is fetched from nowhere, unless a test has a server for it."""
    monkeypatch.setattr(Downloader, "DEFAULT_URL", "http://127.0.0.1:9/index.xml")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NltkServer]:
    """A server of NLTK's data, for a machine that has none."""
    with nltk_server() as served:
        without_nltk_data(monkeypatch, tmp_path / "nltk", served.url)
        yield served
    part_of_speech._tagger.cache_clear()


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    (tmp_path / "prompts.txt").write_text("a red cat\ntwo dogs on a mat\n")
    return str(tmp_path / "prompts.txt")


def test_a_report_is_written_and_its_first_lines_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    merged_run(tmp_path / "run")
    out = tmp_path / "out"
    assert main(["report", str(tmp_path / "run"), "--output", str(out), "--no-download"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("14 of 20 rows became training pairs (70.0 %)")
    assert (out / "statistics.md").read_text() in printed
    assert printed.splitlines()[-1] == f"report: {out}/report.html"
    assert "a picture of number" in (out / "report.html").read_text()
    assert json.loads((out / "statistics.json").read_text())["texts"]["laion new"]["words"] == 5


def test_a_sample_prints_its_intervals(prompts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", prompts, "--sample", "2", "--output", str(tmp_path / "out"), "--no-download"]) == 0
    printed = capsys.readouterr().out
    assert "prompts.txt: words 2.04 to 5.96" in printed
    assert "Measured on a draw by sample_id: 2 texts" in printed
    assert main(["report", prompts, "--output", str(tmp_path / "out")]) == 0
    assert "intervals" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{prompts}", "--column", "caption"], "has no column 'caption'"),
        (["{prompts}.nothing"], "no such file or folder"),
        (["{prompts}", "--sample", "-1"], "expected 1 or more"),
        (["{prompts}", "--sample", "many"], "sample"),
        (["{prompts}", "--ouput", "x"], "ouput"),
        ([], "paths"),
    ],
)
def test_what_cannot_be_reported_on_is_a_usage_error_in_one_line(
    prompts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    given = [argument.format(prompts=prompts) for argument in arguments]
    assert main(["report", *given, "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("ella: report: ")
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_wrong_path_is_found_before_anything_is_fetched(
    tmp_path: Path, server: NltkServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path / "nothing.txt")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert server.asked == []


def test_nltks_data_is_fetched_once(
    prompts: str, tmp_path: Path, server: NltkServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for time in ("first", "second"):
        asked = len(server.asked)
        assert main(["report", prompts, "--output", str(tmp_path / "out")]) == 0
        said = capsys.readouterr()
        assert "| prompts.txt | 2 | 4.00 ± 1.00 | 2.00 ± 1.00 | 0.50 ± 0.50 | 0.50 ± 0.50 | " in said.out
        assert ("fetching NLTK's data into" in said.err) is (time == "first")
        assert (len(server.asked) > asked) is (time == "first")
        part_of_speech._tagger.cache_clear()


@pytest.mark.parametrize("why", ["dead server", "forbidden"])
def test_without_nltks_data_all_else_is_reported(
    prompts: str,
    tmp_path: Path,
    server: NltkServer,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if why == "dead server":
        monkeypatch.setattr(Downloader, "DEFAULT_URL", "http://127.0.0.1:9/index.xml")
    forbidden = ["--no-download"] if why == "forbidden" else []
    assert main(["report", prompts, "--output", str(tmp_path / "out"), *forbidden]) == 0
    said = capsys.readouterr()
    row = "| prompts.txt | 2 | 4.00 ± 1.00 | missing | missing | missing | 6.00 ± 1.00 | missing |"
    assert row in said.out
    [advice] = [line for line in said.out.splitlines() if "NLTK's data is missing" in line]
    assert "python -m nltk.downloader averaged_perceptron_tagger_eng punkt_tab" in advice
    assert ("cannot be fetched" in said.err) is (why == "dead server")
    assert said.err.count("\n") == (2 if why == "dead server" else 0)
    assert server.asked == []
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count('<td class="missing">missing</td>') == 4, "three parts of speech and the distinct nouns"
    assert "NLTK&#x27;s data is missing" in page


def test_a_text_encoders_tokens_are_on_the_page_in_the_numbers_and_in_the_table(
    prompts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = save_tokenizer(tmp_path / "tiny-t5")
    (tmp_path / "prompts.txt").write_text("a red cat\n" + "dog " * 127 + "\n" + "dog " * 128 + "\n")
    assert main(["report", prompts, "--text-encoder", encoder, "--output", str(tmp_path / "out"), "--no-download"]) == 0
    assert "are longer than the 128 tokens of tiny-t5 that ELLA takes" in capsys.readouterr().out
    numbers = json.loads((tmp_path / "out" / "statistics.json").read_text())["texts"]["prompts.txt"]
    assert numbers["lengths_in_encoder_tokens"] == {"4": 1, "128": 1, "129": 1}
    assert (numbers["encoder_over_77"], numbers["encoder_over_128"]) == (2 / 3, 1 / 3)
    assert "| tiny-t5 tokens | tiny-t5 over 77 | tiny-t5 over 128 |" in (tmp_path / "out" / "statistics.md").read_text()
    page = (tmp_path / "out" / "report.html").read_text()
    assert 'data-figure="lengths-encoder"' in page
    assert "<td>66.7 %</td><td>33.3 %</td></tr>" in page


def latin_1(path: Path) -> None:
    path.write_bytes("a café\n".encode("latin-1"))


def parquet_of_latin_1(path: Path) -> None:
    offsets, data = pa.py_buffer(pa.array([0, 3], pa.int32()).buffers()[1]), pa.py_buffer(b"a\xe9b")
    pq.write_table(pa.table({"caption": pa.StringArray.from_buffers(1, offsets, data)}), path)


@pytest.mark.parametrize(
    ("name", "write", "options", "said"),
    [
        ("empty.txt", lambda path: path.write_text(""), [], "the file is empty; expected a caption a line"),
        ("blank.txt", lambda path: path.write_text("\n  \n"), [], "no captions in it, only empty ones"),
        ("null.jsonl", lambda path: path.write_text('{"caption": null}\n'), [], "no captions in it"),
        (
            "c.jsonl",
            lambda path: path.write_text('{"caption": "a", "url": ""}\n'),
            ["--column", "captoin"],
            "no column 'captoin' (did you mean 'caption'?)",
        ),
        ("c.jsonl", lambda path: path.write_text('{"words": "a"}\n'), [], "name one with --column: words"),
        ("latin.txt", latin_1, [], "line 1 is not valid UTF-8 (byte 0xe9); save it as UTF-8"),
        ("latin.csv", lambda path: path.write_bytes(b"caption\na\n\xff\n"), [], "line 3 is not valid UTF-8"),
        ("latin.parquet", parquet_of_latin_1, [], "not valid UTF-8"),
        ("long.txt", lambda path: path.write_text("a\n" + "x" * 1_000_000), [], "line 2 has a text of 1,000,000"),
        ("not.parquet", lambda path: path.write_text("PAR1"), [], "not a whole Parquet file"),
        ("a.txt", lambda path: path.write_text("a\n"), ["--text-encoder", "/no/such"], "no tokenizer there"),
    ],
)
def test_a_bad_file_is_a_usage_error_in_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    write: Callable[[Path], None],
    options: list[str],
    said: str,
) -> None:
    write(tmp_path / name)
    given = ["report", str(tmp_path / name), *options, "--output", str(tmp_path / "out"), "--no-download"]
    assert main(given) == 2
    error = capsys.readouterr().err
    assert error.startswith("ella: report: ")
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_half_a_surrogate_pair_of_json_is_reported_on(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"caption": "a \\ud800 cat"}\n{"caption": "a \\ud800 cat"}\n')
    given = ["report", str(tmp_path / "c.jsonl"), "--sample", "1", "--output", str(tmp_path / "out"), "--no-download"]
    assert main(given) == 0
    assert main([*given[:2], *given[4:]]) == 0
    assert "a cat" in (tmp_path / "out" / "report.html").read_text()
