"""Which words of an alt-text are taken for names, and when a caption has them."""

import pytest

from captioning.part_of_speech import has_nltk_data, nltk_data_advice
from captioning.statistics.names import is_lost, is_title, names_of, parts_of

needs_nltk_data = pytest.mark.skipif(not has_nltk_data(), reason=nltk_data_advice())


@needs_nltk_data
def test_names_are_proper_nouns_of_the_text_as_it_is_written() -> None:
    texts = ["sunset over Lake Como, a photo by Jane", "a red dog", "Red Dress With White Flowers", "THE BIG SALE", ""]
    assert names_of(texts) == [["lake", "como", "jane"], [], None, None, []]


@needs_nltk_data
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Photo of a dog", []),
        ("Jane Doe's garden | Getty Images", ["jane", "doe", "getty", "images"]),
        ("Dog on a beach - Rome", []),
        ("a picture of Blue and Red by Jane", ["jane"]),
    ],
)
def test_first_words_are_names_before_others_alone_and_colours_never(text: str, names: list[str]) -> None:
    assert names_of([text]) == [names]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Red Dress With White Flowers", True),
        ("Dress of Silk and Lace", True),
        ("MEN'S BLUE SHIRT XL", True),
        ("IKEA", False),
        ("Paris Texas", False),
        ("a Dress of Silk and Lace from Paris, made by hand", False),
        ("", False),
    ],
)
def test_a_title_is_what_has_capitals_throughout(text: str, title: bool) -> None:
    assert is_title(text) is title


@pytest.mark.parametrize(
    ("name", "caption", "lost"),
    [
        ("london", "London's bridge", False),
        ("london", "a bridge", True),
        ("london", "a londoner", True),
        ("coca-cola", "a Coca Cola bottle", False),
        ("coca-cola", "a cola bottle", True),
    ],
)
def test_a_name_is_lost_unless_all_its_parts_are_there(name: str, caption: str, lost: bool) -> None:
    assert is_lost(name, parts_of(caption)) is lost
