import pytest

from captioning.statistics.language import is_foreign


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("a cat on a mat", False),
        ("un élève à l'école", False),
        ("一只猫在垫子上", True),
        ("кот на коврике", True),
        ("poster 海报 for a film", False),
        ("12:30 !!!", False),
        ("", False),
        ("aя", False),
        ("aяя", True),
    ],
)
def test_foreign_is_what_has_more_than_half_of_its_letters_from_elsewhere(text: str, foreign: bool) -> None:
    assert is_foreign(text) is foreign
