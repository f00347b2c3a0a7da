"""Cleaning: cases for every rule, captions that are good as they are, and what holds for any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioning.captioner import FinishReason
from captioning.cleaning import RULES, Cleaning, Rule
from curation.reasons import Reason

GOOD = [
    "A red car parked on a wet street at night, its headlights reflected in the puddles.",
    "A photo of a woman hangs on the wall above a wooden desk.",
    "The image on the left wall shows a sailing boat in a storm.",
    "The picture frame contains a faded portrait of an old man.",
    "The painting depicts a battle at sea, with three ships on fire.",
    "A man with no shirt on stands beside a blue pickup truck.",
    "A sign on the fence says 'NO PARKING' in red letters.",
    "There are no leaves on the tall tree beside the old barn.",
    "A very, very long train crosses the iron bridge over the river.",
    "A red chair, a blue chair, and a green chair stand in a row.",
    "Two cats. One cat is black. The other cat is white and sleeps on a sofa.",
    "It is red. It is round. It is red. It shines where the light falls on it.",
    "The image does not show a dog but a grey wolf on a hill.",
    "Dr. Smith of St. Mary's stands at the door of no. 5, in a white coat.",
    "A bottle of 1.5 l of water stands on a table next to a glass.",
    "The scene of the crime is taped off by two police officers in uniform.",
    "An image of a lion is woven into the red and gold carpet on the floor.",
    "The atmosphere is hazy with smoke from a large fire behind the hills",
    "A kitchen with white cabinets, creating shadows that fall over a tiled floor.",
    "A woman wearing a hat gives a cup of tea to a man with a grey beard.",
    "In the image of the mirror, a second candle burns beside the first one.",
    "The image captures clearly what the text says about it in large print.",
    "Ha ha ha, reads the speech bubble above a laughing cartoon dog.",
    "A mountain under a clear blue sky, and a small hut with smoke from its chimney",
    "This is a busy street market with stalls of fruit, fish and bright cloth.",
    "Overall length 12 m, says the plate on the side of a silver tank wagon.",
    "The man does not look at the camera; he reads a newspaper on a bench.",
]

CHANGED: list[tuple[str, str, tuple[Rule, ...]]] = [
    # prefix
    ("The image shows a dog on a green lawn.", "A dog on a green lawn.", ("prefix",)),
    ("This image depicts two men playing chess.", "Two men playing chess.", ("prefix",)),
    ("The picture features an old stone bridge.", "An old stone bridge.", ("prefix",)),
    ("The photo vividly captures a jumping fish.", "A jumping fish.", ("prefix",)),
    ("the photograph displays a bowl of fruit.", "A bowl of fruit.", ("prefix",)),
    ("The scene appears to depict a small harbour.", "A small harbour.", ("prefix",)),
    ("In this picture, a man rides a white horse.", "A man rides a white horse.", ("prefix",)),
    ("In the image, we can see three red balloons.", "Three red balloons.", ("prefix",)),
    ("In this image we see a dog in the snow.", "A dog in the snow.", ("prefix",)),
    ("We can see in this photo a lamp on a desk.", "A lamp on a desk.", ("prefix",)),
    ("The image is of a lighthouse on a cliff.", "A lighthouse on a cliff.", ("prefix",)),
    ("This is a picture of a cat on a sofa.", "A cat on a sofa.", ("prefix",)),
    ("It is a photograph showing a lake at dawn.", "A lake at dawn.", ("prefix",)),
    ("Sure! Here is a detailed description of the image: A clock on a tower.", "A clock on a tower.", ("prefix",)),
    ("Caption: A row of bikes by a canal.", "A row of bikes by a canal.", ("prefix",)),
    ("Answer: The image shows a pile of old books.", "A pile of old books.", ("prefix",)),
    ("The image shows éclairs on a silver plate.", "Éclairs on a silver plate.", ("prefix",)),
    ("The image shows that a man is asleep on a bench.", "A man is asleep on a bench.", ("prefix",)),
    # negation
    ("A cat sits on a mat. The image does not contain any text.", "A cat sits on a mat.", ("negation",)),
    ("A cat sits on a mat. The photo doesn't clearly show any people.", "A cat sits on a mat.", ("negation",)),
    ("A cat sits on a mat. There are no other objects in the image.", "A cat sits on a mat.", ("negation",)),
    (
        "A cat sits on a mat. There is no visible text or logo. It is grey.",
        "A cat sits on a mat. It is grey.",
        ("negation",),
    ),
    ("A cat sits on a mat. No people are visible.", "A cat sits on a mat.", ("negation",)),
    ("The image contains no text. A cat sits on a mat.", "A cat sits on a mat.", ("negation",)),
    ("A cat sits on a mat. There are no clouds visible in the picture.", "A cat sits on a mat.", ("negation",)),
    # filler
    ("A pier at dusk in fog. The overall mood is calm and peaceful.", "A pier at dusk in fog.", ("filler",)),
    ("A pier at dusk in fog. The mood of the image is calm.", "A pier at dusk in fog.", ("filler",)),
    ("A pier at dusk in fog. The image evokes a sense of solitude.", "A pier at dusk in fog.", ("filler",)),
    ("A pier at dusk in fog. The scene exudes a calm, quiet atmosphere.", "A pier at dusk in fog.", ("filler",)),
    ("A pier at dusk in fog. Overall, the image conveys peace.", "A pier at dusk in fog.", ("filler",)),
    ("Mist lies over the lake, creating a serene atmosphere.", "Mist lies over the lake.", ("filler",)),
    (
        "Lamps hang from the trees, adding to the charm of the garden. A cat sleeps.",
        "Lamps hang from the trees. A cat sleeps.",
        ("filler",),
    ),
    # loop
    ("A red bus stops. The sign says stop stop stop stop stop.", "A red bus stops.", ("loop",)),
    ("A cup and a plate. A cup and a plate. A cup and a plate.", "A cup and a plate.", ("loop",)),
    (
        "A tall tree grows beside the small white house. It is autumn. A tall tree grows beside the small white house.",
        "A tall tree grows beside the small white house. It is autumn.",
        ("loop",),
    ),
    ("A white wall in the sun. On it is written hahahahahahahahahahahahahaha.", "A white wall in the sun.", ("loop",)),
    # together
    (
        "The image shows a harbour with boats. The image does not contain text. The overall mood is calm.",
        "A harbour with boats.",
        ("prefix", "negation", "filler"),
    ),
    ("The image  shows\n a harbour   with boats.", "A harbour with boats.", ("prefix",)),
]

CUT = [
    ("A dog runs on a beach. Behind it, the sun is", "A dog runs on a beach."),
    ("A dog runs on a beach. Behind it stands Dr.", "A dog runs on a beach."),
    ('A sign says "Keep out." A dog runs on a', 'A sign says "Keep out."'),
    ("A dog runs on a beach. It is 3.5 m", "A dog runs on a beach."),
]

BAD = [
    ("", "stop", Reason.EMPTY_CAPTION),
    (" \n\t ", "stop", Reason.EMPTY_CAPTION),
    ("The image does not contain any people.", "stop", Reason.EMPTY_CAPTION),
    ("A dog.", "stop", Reason.CAPTION_TOO_SHORT),
    ("The image shows a red dog.", "stop", Reason.CAPTION_TOO_SHORT),
    ("A dog that runs along a very long beach and", "length", Reason.CAPTION_UNFINISHED),
    ("Sorry, I cannot help with that request today.", "refused", Reason.CAPTION_REFUSED),
    ("red " * 50, "length", Reason.CAPTION_LOOP),
    (" ".join(f"word{number}" for number in range(200)) + ".", "stop", Reason.CAPTION_TOO_LONG),
]


@pytest.mark.parametrize("text", GOOD)
def test_good_captions_stay_as_they_are(text: str) -> None:
    cleaned = Cleaning().clean(text)
    assert (cleaned.text, cleaned.rules, cleaned.faults) == (text, (), ())


@pytest.mark.parametrize(("text", "expected", "rules"), CHANGED)
def test_rules_take_away_what_they_are_for(text: str, expected: str, rules: tuple[Rule, ...]) -> None:
    cleaned = Cleaning(min_words=3).clean(text)
    assert cleaned.text == expected
    assert cleaned.rules == rules
    assert cleaned.faults == ((Reason.CAPTION_LOOP,) if "loop" in rules else ())


@pytest.mark.parametrize(("text", "expected"), CUT)
def test_a_text_that_was_cut_off_ends_with_its_last_whole_sentence(text: str, expected: str) -> None:
    cut = Cleaning(min_words=3).clean(text, "length")
    assert (cut.text, cut.rules, cut.faults) == (expected, ("unfinished",), ())
    assert Cleaning(min_words=3).clean(text, "stop").text == text


@pytest.mark.parametrize(("text", "finish_reason", "fault"), BAD)
def test_what_cannot_be_mended_is_no_caption_and_has_a_fault(
    text: str, finish_reason: FinishReason, fault: Reason
) -> None:
    cleaned = Cleaning().clean(text, finish_reason)
    assert cleaned.text is None
    assert fault in cleaned.faults


def test_none_is_empty() -> None:
    assert Cleaning().clean(None).faults == (Reason.EMPTY_CAPTION,)


def test_what_came_before_a_loop_is_usable_and_still_a_fault() -> None:
    cleaned = Cleaning().clean("A red bus stops at a corner. Stop stop stop stop stop", "length")
    assert (cleaned.text, cleaned.faults) == ("A red bus stops at a corner.", (Reason.CAPTION_LOOP,))
    stopped_by_the_engine = Cleaning().clean("A red bus stops at a corner. It is a", "loop")
    assert stopped_by_the_engine.text == "A red bus stops at a corner."
    assert stopped_by_the_engine.faults == (Reason.CAPTION_LOOP,)


def test_sentences_over_the_most_words_go() -> None:
    text = "One two three four five. Six seven eight. Nine ten."
    assert Cleaning(max_words=9).clean(text).text == "One two three four five. Six seven eight."
    assert Cleaning(max_words=9).clean(text).rules == ("too_long",)
    assert Cleaning(max_words=10).clean(text).text == text


def test_there_are_sixty_cases_and_every_rule_has_one() -> None:
    assert len(GOOD) + len(CHANGED) + len(CUT) + len(BAD) >= 60
    assert {rule for *_, rules in CHANGED for rule in rules} | {"unfinished", "too_long"} == set(RULES)


@pytest.mark.parametrize(("text", "expected", "rules"), [case for case in CHANGED if len(case[2]) == 1])
def test_a_rule_that_is_skipped_does_nothing(text: str, expected: str, rules: tuple[Rule, ...]) -> None:
    cleaned = Cleaning(skip=rules, min_words=0).clean(text)
    assert (cleaned.text, cleaned.rules) == (" ".join(text.split()), ())


def test_bounds_that_nothing_can_meet_are_refused() -> None:
    with pytest.raises(ValueError, match="min_words=9, max_words=8: expected 0 <= min_words <= max_words"):
        Cleaning(min_words=9, max_words=8)


FRAGMENTS = [text for text, *_ in CHANGED] + [text for text, _ in CUT] + GOOD
WORDS = [
    "The image shows ",
    "red ",
    "red red red red ",
    "no text ",
    "There is ",
    ". ",
    "\n",
    ", creating a calm mood",
    "Dr. ",
    "! ",
]
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from([*FRAGMENTS, *WORDS]), max_size=12).map("".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=6).map(" ".join),
)
FINISH_REASONS: st.SearchStrategy[FinishReason] = st.sampled_from(["stop", "length", "loop"])


@given(TEXTS, FINISH_REASONS, st.sets(st.sampled_from(RULES)))
def test_cleaning_what_is_clean_changes_nothing(text: str, finish_reason: FinishReason, skip: set[Rule]) -> None:
    cleaning = Cleaning(skip=tuple(skip), min_words=0, max_words=40)
    once = cleaning.clean(text, finish_reason)
    if once.text is None:
        return
    again = cleaning.clean(once.text, finish_reason)
    assert (again.text, again.rules) == (once.text, ())


@given(TEXTS, FINISH_REASONS)
def test_cleaning_only_takes_away(text: str, finish_reason: FinishReason) -> None:
    cleaned = Cleaning(min_words=0).clean(text, finish_reason)
    line = " ".join(text.split())
    assert cleaned.text is None or len(cleaned.text) <= len(line)
    assert bool(cleaned.rules) == (cleaned.text != line) or cleaned.text is None
    assert cleaned.text is not None or cleaned.faults
