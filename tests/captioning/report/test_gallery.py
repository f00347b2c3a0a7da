import base64
import io

import pytest
from PIL import Image

from captioning.part_of_speech import has_nltk_data, nltk_data_advice
from captioning.report.content import Sample
from captioning.report.gallery import LONGEST, SHOWN, gallery, shorten, spread
from tests.captioning.report.build import HOSTILE, report, sample
from tests.captioning.report.parsing import Element, parse


def cards(*samples: Sample, parts_of_speech: bool = False) -> list[Element]:
    elements = parse(gallery(report(samples=samples, parts_of_speech=parts_of_speech)))
    return [element for element in elements if "card" in element.classes]


def options(samples: list[Sample], menu: str) -> list[str]:
    """The values that a filter offers."""
    html = gallery(report(samples=samples))
    chosen = html.partition(f'<select name="{menu}">')[2].partition("</select>")[0]
    return [element.attributes["value"] for element in parse(chosen)]


def test_a_card_carries_what_the_filters_look_at() -> None:
    [kept, dropped] = cards(
        sample(1, captions={"new": "A Red CAT"}, url="http://host/1.jpg"),
        sample(2, source="coyo", reason="aesthetic", flags=["refused", "too_long"]),
    )
    assert (kept.attributes["data-source"], kept.attributes["data-reason"]) == ("laion", "kept")
    assert kept.attributes["data-text"] == "a red cat\nalt 1\nhttp://host/1.jpg\n0000000000000001"
    assert (dropped.attributes["data-source"], dropped.attributes["data-reason"]) == ("coyo", "aesthetic")
    assert dropped.attributes["data-flags"].split() == ["refused", "too_long"]


def test_filters_offer_what_there_is_and_no_more() -> None:
    samples = [sample(1), sample(2, source="coyo", reason="dns"), sample(3, flags=["loop"])]
    assert options(samples, "source") == ["", "coyo", "laion"]
    assert options(samples, "reason") == ["", "dns", "kept"]
    assert options(samples, "flag") == ["", "loop"]
    assert 'name="flag"' not in gallery(report(samples=[sample(1)]))


def test_a_card_shows_texts_scores_and_why_it_was_dropped() -> None:
    [card] = cards(sample(1, reason="aesthetic", aesthetic=5.25, short_edge=1200, captions={"new": "a cat", "b": None}))
    for shown in ("alt 1", "a cat", "aesthetic 5.25", "short edge 1,200 px", "0000000000000001"):
        assert shown in card.text
    assert "The aesthetic score is not over the threshold." in card.text
    assert "none" in card.text


def test_what_strangers_wrote_stays_text() -> None:
    hostile = sample(1, alt_text=HOSTILE, url=HOSTILE, source=HOSTILE, captions={HOSTILE: HOSTILE}, flags=[HOSTILE])
    elements = parse(gallery(report(samples=[hostile])))
    assert not [element for element in elements if element.tag in ("script", "img")]
    assert not [name for element in elements for name in element.attributes if name.startswith("on")]
    [card] = [element for element in elements if "card" in element.classes]
    assert card.text.count("alert(1)") >= 3
    assert card.attributes["data-source"] == HOSTILE


def test_words_are_marked_by_their_part_of_speech() -> None:
    if not has_nltk_data():
        pytest.skip(nltk_data_advice())
    elements = parse(
        gallery(report(samples=[sample(1, captions={"new": "A red truck <on> grass"})], parts_of_speech=True))
    )
    marked = {element.text: element.classes for element in elements if element.tag == "i"}
    assert marked["truck"] == ["nn"]
    assert marked["red"] == ["jj"]
    [card] = [element for element in elements if "card" in element.classes]
    assert "A red truck <on> grass" in card.text


def test_a_thumbnail_is_inside_the_page() -> None:
    file = io.BytesIO()
    Image.new("RGB", (4, 3)).save(file, "WEBP")
    elements = parse(gallery(report(samples=[sample(1, thumbnail=file.getvalue()), sample(2)])))
    [image] = [element for element in elements if element.tag == "img"]
    kind, _, data = image.attributes["src"].partition(",")
    assert kind == "data:image/webp;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (4, 3)
    assert [element.text for element in elements if "none" in element.classes] == ["no image"]


def test_the_gallery_is_bounded_in_cards_and_in_text() -> None:
    found = cards(*(sample(number, alt_text="x" * 1_000_000) for number in range(SHOWN + 50)))
    assert len(found) == SHOWN
    assert len(found[0].text) < 2 * LONGEST
    assert len(found[0].attributes["data-text"]) < 2 * LONGEST


def test_shortening_keeps_what_fits() -> None:
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "ab…"


def test_rare_groups_are_seen_beside_common_ones() -> None:
    common, rare = [sample(number) for number in range(5)], [sample(10)]
    assert spread([common, rare, []], 4) == [common[0], rare[0], common[1], common[2]]
    assert spread([], 4) == []
