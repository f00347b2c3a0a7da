"""The page as a person meets it: in a real browser, with a mouse and keys, as wide as a desk's screen and as a phone.

ELLA_SCREENSHOTS names a folder in which the screenshots are kept.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from captioning.report.content import Outcomes
from captioning.report.page import render
from captioning.statistics import AltTextOverlap
from tests.browser.chromium import find_chromium
from tests.browser.page import Page, open_browser
from tests.captioning.report.build import HOSTILE, report, sample, text_set

pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium: install one, name it with ELLA_CHROMIUM, or let `make check` fetch it"
)

DESK, PHONE = (1280, 900), (390, 844)
LONG = "a very long text about a red cat on a mat, " * 12
SAMPLES = [
    ("laion", None, (), "a red cat on a mat"),
    ("laion", "aesthetic", (), "a blue cat"),
    ("laion", None, ("repetition",), "two dogs"),
    ("coyo", None, ("repetition", "opening"), "a red dog by the sea"),
    ("coyo", "not_found", (), None),
    ("coyo", None, (), LONG),
]
ALL = [0, 1, 2, 3, 4, 5]


def thumbnail() -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((160, 100)).convert("RGB").save(file, "WEBP")
    return file.getvalue()


def page_file(folder: Path) -> Path:
    """A report in which every section has something, names without a space in them and hostile texts too."""
    samples = [
        sample(
            number,
            source=source,
            reason=reason,
            flags=flags,
            captions={"new": caption},
            alt_text=HOSTILE if number == 3 else f"alt {number}",
            url=f"http://host.example/{'x' * 300}/{number}.jpg",
            aesthetic=5.0 + number / 4,
            thumbnail=thumbnail() if number % 2 else None,
        )
        for number, (source, reason, flags, caption) in enumerate(SAMPLES)
    ]
    texts = [
        text_set("laion alt-text", [f"photo {number} of a cat" for number in range(40)]),
        text_set(
            "laion new",
            [LONG, LONG, *(f"a red cat number {number} on a mat in {number} colours" for number in range(60))],
            overlap=AltTextOverlap.of([("a red cat", "my cat Tom by Jane Doe")]).overlap(),
        ),
        text_set(f"coyo {'very-' * 12}long-name", [f"a dog {number}" for number in range(30)]),
    ]
    outcomes = [Outcomes(source="laion", captions=9, finish_reasons={"stop": 8, "length": 1}, flags={"repetition": 2})]
    file = folder / "report.html"
    file.write_text(render(report(samples=samples, texts=texts, outcomes=outcomes, parts_of_speech=False)))
    return file


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with open_browser() as page:
        yield page


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page_file(tmp_path_factory.mktemp("page"))


@pytest.fixture
def page(browser: Page, file: Path) -> Page:
    """Opened anew on a desk's screen."""
    browser.open(file, *DESK)
    return browser


def shown(page: Page) -> list[int]:
    """The samples whose cards can be seen, which are those that are counted."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('.card')].filter((card) => card.getBoundingClientRect().height > 0)"
        ".map((card) => card.querySelector('.facts code').textContent)"
    )
    assert page.evaluate("document.getElementById('shown').textContent") == str(len(found))
    assert page.evaluate("document.getElementById('none').getBoundingClientRect().height > 0") is (not found)
    return [int(sample_id, 16) for sample_id in found]


@pytest.mark.parametrize(
    ("menu", "value", "expected"),
    [
        ("source", "coyo", [3, 4, 5]),
        ("reason", "aesthetic", [1]),
        ("reason", "kept", [0, 2, 3, 5]),
        ("flag", "repetition", [2, 3]),
        ("flag", "opening", [3]),
    ],
)
def test_a_menu_leaves_the_samples_that_are_like_that(page: Page, menu: str, value: str, expected: list[int]) -> None:
    assert shown(page) == ALL
    page.choose(f"select[name={menu}]", value)
    assert shown(page) == expected
    page.choose(f"select[name={menu}]", "")
    assert shown(page) == ALL


def test_menus_and_search_narrow_each_other_and_a_button_shows_all_again(page: Page) -> None:
    page.choose("select[name=source]", "laion")
    page.choose("select[name=reason]", "kept")
    assert shown(page) == [0, 2]
    page.click("input[type=search]")
    page.type("RED cat")
    assert shown(page) == [0]
    page.type(" zebra")
    assert shown(page) == []
    page.click("button[type=reset]")
    page.wait("document.getElementById('shown').textContent === '6'")
    assert shown(page) == ALL
    assert page.evaluate("document.querySelector('input[type=search]').value") == ""


def test_words_are_searched_for_in_any_order_and_samples_by_their_ids(page: Page) -> None:
    page.click("input[type=search]")
    page.type("sea red")
    assert shown(page) == [3]
    page.click("button[type=reset]")
    page.click("input[type=search]")
    page.type(f"{4:016x}")
    assert shown(page) == [4]
    page.press("Enter")
    assert shown(page) == [4], "the form is sent nowhere"


@pytest.mark.parametrize(("name", "size"), [("desk", DESK), ("phone", PHONE)])
def test_the_page_fits_the_screen_with_every_plot_drawn(
    browser: Page, file: Path, tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    browser.open(file, *size)
    plots = browser.evaluate("document.querySelectorAll('[data-figure]').length")
    assert plots >= 8
    browser.wait(f"document.querySelectorAll('[data-figure] .main-svg .xy').length >= {plots}")
    assert browser.evaluate("document.scrollingElement.scrollWidth") <= size[0], "nothing sticks out to the side"
    too_wide = (
        "[...document.querySelectorAll('section, figure, .main-svg, .card, .scroll')]"
        ".filter((part) => part.getBoundingClientRect().right > innerWidth).map((part) => part.className.toString())"
    )
    assert browser.evaluate(too_wide) == []
    folder = Path(os.environ.get("ELLA_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    for section in browser.evaluate("[...document.querySelectorAll('main > section')].map((section) => section.id)"):
        browser.evaluate(f"document.getElementById('{section}').scrollIntoView({{ behavior: 'instant' }})")
        shot = folder / f"{name}-{section}.png"
        browser.screenshot(shot)
        with Image.open(shot) as image:
            assert image.size == size
            assert len(image.convert("RGB").getcolors(1 << 24) or []) > 20, "there is something to see"


def test_nothing_is_refused_thrown_or_asked_on_the_way(browser: Page, file: Path) -> None:
    """The policy lets the page's own scripts run, and hostile texts run none: a dialog would be their success."""
    browser.complaints.clear()
    browser.open(file, *DESK)
    browser.wait("document.querySelector('.js-plotly-plot')")
    assert browser.complaints == []
    assert browser.evaluate("document.querySelectorAll('script').length") == 3
    requests = "performance.getEntriesByType('resource').filter((entry) => !entry.name.startsWith('data:')).length"
    assert browser.evaluate(requests) == 0
