import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest

from captioning.report.content import Outcomes, Report
from captioning.report.figures import figures
from captioning.report.page import render
from tests.captioning.report.build import HOSTILE, report, sample, text_set
from tests.captioning.report.parsing import Element, parse


@pytest.fixture(scope="module")
def elements() -> list[Element]:
    hostile = sample(3, alt_text=HOSTILE, url=HOSTILE, source=HOSTILE, captions={HOSTILE: HOSTILE})
    texts = [*report().texts, text_set(HOSTILE, [f"{HOSTILE} cat", f"{HOSTILE} cat"])]
    outcomes = [Outcomes(source=HOSTILE, captions=2, finish_reasons={HOSTILE: 2})]
    samples = [*report().samples, hostile]
    return parse(render(report(title=HOSTILE, texts=texts, samples=samples, notes=[HOSTILE], outcomes=outcomes)))


def tagged(elements: list[Element], tag: str) -> list[Element]:
    return [element for element in elements if element.tag == tag]


def test_the_page_opens_with_its_sentence_then_the_table_then_the_plots_then_the_samples(
    elements: list[Element],
) -> None:
    [headline] = [element for element in elements if "headline" in element.classes]
    assert headline.text.startswith("80 of 200 rows became training pairs")
    assert [element.text for element in tagged(elements, "h2")] == [
        "The texts",
        "Where rows are lost",
        "How long the texts are",
        "Aesthetic scores",
        "How the captions came out",
        "Old text against new",
        "What repeats",
        "What the captions are made of",
        "Samples",
    ]


def test_only_the_pages_own_scripts_may_run(elements: list[Element]) -> None:
    """A browser refuses every script whose hash is not in the policy, those of strangers among them."""
    [policy] = [e.attributes["content"] for e in tagged(elements, "meta") if "http-equiv" in e.attributes]
    assert policy.startswith("default-src 'none'; ")
    scripts = [script for script in tagged(elements, "script") if "type" not in script.attributes]
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    assert [base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode() for script in scripts] == allowed
    assert "unsafe-inline" not in policy.partition("script-src")[2]
    assert "http" not in policy


def test_what_strangers_wrote_adds_no_element(elements: list[Element]) -> None:
    assert len(tagged(elements, "script")) == 3, "the figures, Plotly and the page's own"
    assert not tagged(elements, "img")
    assert not [name for element in elements for name in element.attributes if name.startswith("on")]
    assert tagged(elements, "title")[0].text == HOSTILE


def test_nothing_is_loaded_from_elsewhere(elements: list[Element]) -> None:
    for element in elements:
        for name in ("src", "href", "action", "srcset"):
            assert element.attributes.get(name, "data:").startswith("data:")
    assert "@import" not in tagged(elements, "style")[0].text
    assert "url(" not in tagged(elements, "style")[0].text


def test_every_plot_has_a_place_and_its_figure(elements: list[Element]) -> None:
    places = [e.attributes["data-figure"] for e in elements if "data-figure" in e.attributes]
    assert sorted(places) == sorted([*figures(report()), "outcomes-finish"])
    [data] = [script for script in tagged(elements, "script") if "type" in script.attributes]
    assert sorted(json.loads(data.text)) == sorted(places)


def test_plotly_is_in_it_once_and_the_page_stays_small() -> None:
    samples = [sample(number, alt_text="x" * 100_000, thumbnail=b"x" * 8_000) for number in range(2_000)]
    page = render(report(samples=samples))
    assert page.count("* plotly.js v") == 1
    assert len(page.encode()) < 20_000_000


def test_the_script_reads_what_the_page_has(elements: list[Element]) -> None:
    """Every id, field and data attribute that the script looks for is there under the same name."""
    script = tagged(elements, "script")[-1].text
    ids = {element.attributes["id"] for element in elements if "id" in element.attributes}
    assert set(re.findall(r'getElementById\("(\w+)"\)', script)) <= ids
    fields = {e.attributes["name"] for e in elements if e.tag in ("input", "select")} | {"flag"}
    destructured = re.search(r"const \{ ([\w, ]+) \} = Object.fromEntries", script)
    assert destructured
    assert set(destructured[1].split(", ")) == fields
    attributes = {name for e in elements if "card" in e.classes for name in e.attributes}
    assert {f"data-{name}" for name in re.findall(r"said\.(\w+)", script)} <= attributes


def test_missing_columns_are_marked(elements: list[Element]) -> None:
    tagged_texts = text_set("laion new", ["a cat"])
    untagged = replace(tagged_texts, statistics=replace(tagged_texts.statistics, nouns=None))
    shown = parse(render(Report(title="x", texts=[untagged])))
    cells = tagged(shown, "td")
    assert cells[2].text == "missing"
    assert "missing" in cells[2].classes


def test_a_report_on_a_file_alone_has_neither_funnel_nor_gallery() -> None:
    shown = parse(render(Report(title="x", texts=[text_set("file", ["a cat"])])))
    ids = {element.attributes.get("id") for element in tagged(shown, "section")}
    assert "gallery" not in ids
    assert [e.attributes["data-figure"] for e in shown if "data-figure" in e.attributes] == [
        "lengths-tokens",
        "lengths-words",
    ]


def test_the_same_report_is_the_same_page() -> None:
    assert render(report()) == render(report())
