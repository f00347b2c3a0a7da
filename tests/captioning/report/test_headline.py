from pathlib import Path

import pytest

from captioning.report.content import Report, Step
from captioning.report.headline import headline, percent, reason_sentence
from tests.captioning.report.build import report, text_set
from tests.captioning.tiny_tokenizer import save_tokenizer

LONG = "a red cat on a mat " * 20


def test_a_run_opens_with_what_was_kept_what_was_lost_and_what_clip_would_cut() -> None:
    assert headline(report()) == (
        "80 of 200 rows became training pairs (40.0 %); the main loss is aesthetic, 75.0 % of all drops: the aesthetic "
        "score is not over the threshold; 33.3 % of the new captions are longer than the 77 tokens that CLIP's text "
        "encoder takes, which would cut them."
    )


def test_a_run_that_is_not_merged_says_how_many_have_a_caption() -> None:
    steps = [Step(source="laion", name="captioned: new", rows=4, kept=3)]
    assert headline(report(steps=steps, texts=[])) == "3 of 4 rows have a caption (75.0 %)."


def test_files_are_compared_by_the_one_that_clip_would_cut_most() -> None:
    texts = [text_set("short", ["a cat"]), text_set("long", [LONG, "a cat"])]
    assert headline(Report(title="x", texts=texts)).startswith("50.0 % of the texts of long are longer than the 77 ")


def test_nothing_too_long_is_said_too() -> None:
    shown = headline(Report(title="x", texts=[text_set("short", ["a cat"])]))
    assert shown == "none of the texts of short are longer than the 77 tokens that CLIP's text encoder takes."


def test_what_ella_would_cut_is_said_where_a_text_encoder_is_named(tmp_path: Path) -> None:
    encoder = save_tokenizer(tmp_path / "flan-t5-xl")
    texts = [text_set("laion new", ["dog " * 200, "a cat"], encoder=encoder), text_set("laion alt-text", ["a cat"])]
    shown = headline(report(texts=texts))
    assert shown.endswith("; 50.0 % are longer than the 128 tokens of flan-t5-xl that ELLA takes.")
    short = [text_set("laion new", ["a cat"], encoder=encoder)]
    assert "; none are longer than the 128 tokens of flan-t5-xl" in headline(report(texts=short))
    assert "that ELLA takes" not in headline(report(texts=[*texts, text_set("coyo new", ["a cat"])]))


def test_many_repeats_are_said() -> None:
    again = text_set("laion new", ["a cat", "a cat", "a dog"])
    assert headline(report(texts=[again])).endswith(
        "; 33.3 % of laion new repeat another text word for word or nearly: look for them under What repeats."
    )
    assert "repeat" not in headline(report(texts=[text_set("laion new", ["a cat", "a dog"])]))


def test_an_empty_run_has_a_sentence() -> None:
    steps = [Step(source="laion", name="planned", rows=0, kept=0)]
    assert headline(Report(title="x", texts=[], steps=steps)) == "There is nothing to report on yet."


def test_an_unknown_reason_speaks_for_itself() -> None:
    assert reason_sentence("aesthetic") == "The aesthetic score is not over the threshold."
    assert reason_sentence("new_in_a_later_version") == "new_in_a_later_version"


@pytest.mark.parametrize(
    ("share", "shown"), [(0.0, "0.0 %"), (0.0004, "under 0.1 %"), (0.001, "0.1 %"), (1, "100.0 %")]
)
def test_a_small_share_is_not_called_nothing(share: float, shown: str) -> None:
    assert percent(share) == shown
