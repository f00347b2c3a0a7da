import subprocess
import sys

import nltk
import pytest

from training.evaluation.compbench.language import NltkParser, SpacyParser, make_parser


def has_nltk_data() -> bool:
    try:
        nltk.pos_tag(nltk.word_tokenize("a cup"))
    except LookupError:
        return False
    return True


needs_nltk_data = pytest.mark.skipif(
    not has_nltk_data(), reason="NLTK's data is not there: set NLTK_DATA to a folder with punkt_tab and the tagger"
)


@needs_nltk_data
@pytest.mark.parametrize(
    ("prompt", "chunks"),
    [
        ("a green bench and a blue bowl", ["a green bench", "a blue bowl"]),
        ("The pillow was on the left of the striped blanket.", ["The pillow", "the left", "the striped blanket"]),
        ("a fabric shirt and a glass table", ["a fabric shirt", "a glass table"]),
        ("three dogs run", ["three dogs"]),
        ("and of", []),
    ],
)  # fmt: skip
def test_chunks_are_a_noun_with_what_stands_before_it(prompt: str, chunks: list[str]) -> None:
    assert NltkParser().chunks(prompt) == chunks


@needs_nltk_data
def test_nouns_come_in_order_and_in_lower_case() -> None:
    assert NltkParser().nouns("A Dog on the left of a table") == ["dog", "left", "table"]


@needs_nltk_data
@pytest.mark.parametrize(
    ("prompt", "acts"), [("A chef is cooking pasta", True), ("The cup is on the table", False), ("a red cup", False)]
)
def test_being_somewhere_is_no_action(prompt: str, acts: bool) -> None:
    assert NltkParser().has_verb(prompt) == acts


@needs_nltk_data
def test_without_spacy_nltk_does_it_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    assert make_parser().name == f"nltk {nltk.__version__}"
    assert make_parser("nltk").name == f"nltk {nltk.__version__}"
    with pytest.raises(ValueError, match=r"pip install spacy.* or use --parser nltk"):
        make_parser("spacy")
    with pytest.raises(ValueError, match="en_core_web_sm is not installed"):
        SpacyParser()


def test_missing_data_is_one_line_that_says_how_to_get_it() -> None:
    code = "import nltk; nltk.data.path.clear(); import training.evaluation.compbench.language as l; l.NltkParser()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )  # it keeps what it read
    assert done.stderr.splitlines()[-1].startswith("ValueError: NLTK's data is not there: `python -m nltk.downloader")
