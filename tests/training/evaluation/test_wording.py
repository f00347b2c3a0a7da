"""Messages that stay short."""

from training.evaluation.wording import named, shortened


def test_ten_names_are_shown_and_the_others_counted() -> None:
    names = [str(number) for number in range(12)]
    assert named(names[:10]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert named(names) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"


def test_a_long_text_is_cut() -> None:
    assert shortened("x" * 60) == "x" * 60
    assert shortened("x" * 61) == "x" * 59 + "…"
