import pytest

from captioning.part_of_speech import has_nltk_data, nltk_data_advice
from captioning.report.colouring import pieces

needs_nltk_data = pytest.mark.skipif(not has_nltk_data(), reason=nltk_data_advice())


def marked(text: str) -> dict[str, str]:
    return {piece: kind for piece, kind in pieces(text) if kind}


@needs_nltk_data
def test_nouns_adjectives_adverbs_and_prepositions_are_told_apart() -> None:
    found = marked("A very Red truck stands quietly under the bridge.")
    assert found == {"very": "jj", "Red": "jj", "truck": "nn", "quietly": "jj", "under": "in", "bridge": "nn"}


@needs_nltk_data
@pytest.mark.parametrize(
    "text",
    [
        "",
        "A sign that says \"OPEN\" on the dog's door, isn't it? It can't be (really) `quoted`.",
        "İstanbul at night",
        "一只猫 on a mat",
        "two  spaces\tand a tab ",
    ],
)
def test_the_pieces_are_the_text(text: str) -> None:
    assert "".join(piece for piece, _ in pieces(text)) == text


@needs_nltk_data
def test_the_same_word_is_marked_wherever_it_stands() -> None:
    assert [piece for piece, kind in pieces("a dog and a dog") if kind == "nn"] == ["dog", "dog"]
