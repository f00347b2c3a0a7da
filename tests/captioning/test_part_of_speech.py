"""Tags of words, where NLTK's data is there, and a word of advice where it is not."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import nltk
import pytest

from benchmarks.varied_texts import PLAIN_WORDS, varied_texts
from captioning.part_of_speech import Tagger, has_nltk_data, nltk_data_advice, tag_texts, tags

needs_nltk_data = pytest.mark.skipif(not has_nltk_data(), reason=nltk_data_advice())


def test_a_machine_without_data_is_told_how_to_get_it(tmp_path: Path) -> None:
    code = (
        "import nltk, sys; nltk.data.path[:] = [sys.argv[1]];"
        "from captioning.part_of_speech import has_nltk_data; sys.exit(has_nltk_data())"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0
    advice = nltk_data_advice()
    assert "\n" not in advice
    assert "python -m nltk.downloader averaged_perceptron_tagger_eng punkt_tab" in advice


@needs_nltk_data
def test_tags_are_those_of_the_protocol() -> None:
    text = "A Red Truck stands there. It is Old"
    assert tags(text) == nltk.pos_tag(nltk.word_tokenize(text.lower()))
    assert dict(tags(text))["truck"] == "NN"
    assert dict(tags(text))["red"] == "JJ"


@needs_nltk_data
@pytest.mark.parametrize("compile_after", [0, 2_000, 10**9])
def test_every_tag_is_nltks_before_and_after_compiling(compile_after: int) -> None:
    texts = list(islice(varied_texts(PLAIN_WORDS.split(), seed=1), 300))
    tagger = Tagger(compile_after=compile_after)
    found = [tagged for start in range(0, 300, 50) for tagged in tagger.tag(texts[start : start + 50])]
    assert sum(map(len, found)) > 4_000
    assert found == [nltk.pos_tag(nltk.word_tokenize(text.lower())) for text in texts]


@needs_nltk_data
@pytest.mark.parametrize("compile_after", [0, 10**9])
def test_cased_tags_are_nltks_of_the_text_as_it_is(compile_after: int) -> None:
    texts = ["Paul's Coca-Cola, in N.Y.", "We Cannot GIMME that; It Isn't “Rome” (U.S.A.)", "a cat"]
    texts += [text.title() for text in islice(varied_texts(PLAIN_WORDS.split(), seed=2), 60)]
    found = Tagger(compile_after=compile_after).tag(texts, cased=True)
    assert found == [nltk.pos_tag(nltk.word_tokenize(text)) for text in texts]
    assert tag_texts(["The Cat"]) == tag_texts(["the cat"])


@needs_nltk_data
def test_a_small_run_does_not_compile() -> None:
    code = "import sys; from captioning.part_of_speech import tags; tags('a dog'); sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@needs_nltk_data
def test_empty_texts_have_no_tags() -> None:
    assert tag_texts(["", "dog", " "]) == [[], [("dog", "NN")], []]
