"""Tags of words, where NLTK's data is there, and a word of advice where it is not."""

import subprocess
import sys
from pathlib import Path

import nltk
import pytest

from captioning.part_of_speech import has_nltk_data, nltk_data_advice, tags


def test_a_machine_without_data_is_told_how_to_get_it(tmp_path: Path) -> None:
    code = (
        "import nltk, sys; nltk.data.path[:] = [sys.argv[1]];"
        "from captioning.part_of_speech import has_nltk_data; sys.exit(has_nltk_data())"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0
    advice = nltk_data_advice()
    assert "\n" not in advice
    assert "python -m nltk.downloader averaged_perceptron_tagger_eng punkt_tab" in advice


def test_tags_are_those_of_the_protocol() -> None:
    if not has_nltk_data():
        pytest.skip(nltk_data_advice())
    text = "A Red Truck stands there. It is Old"
    assert tags(text) == nltk.pos_tag(nltk.word_tokenize(text.lower()))
    assert dict(tags(text))["truck"] == "NN"
    assert dict(tags(text))["red"] == "JJ"
