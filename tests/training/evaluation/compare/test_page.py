"""The page: self-contained, bounded, and safe whatever a prompt says."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.evaluation.compare.run_folders import dpg, save_run
from training.evaluation.compare import page
from training.evaluation.compare.page import headline, render
from training.evaluation.compare.pairs import pairs
from training.evaluation.compare.runs import read_runs
from training.evaluation.compare.tables import tables


class Elements(HTMLParser):
    """Every element with its attributes, and the text of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def cards(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == "article"]


def make_page(tmp_path: Path, first: dict[str, float], second: dict[str, float]) -> str:
    folders = [
        save_run(tmp_path / name, {prompt: dpg(score) for prompt, score in scores.items()})
        for name, scores in (("base", first), ("ella", second))
    ]
    runs = read_runs(folders, "fixed")
    return render(runs, tables(runs), pairs(runs), "fixed")


def test_every_prompt_has_a_card_with_an_image_and_a_score_for_each_run(tmp_path: Path) -> None:
    elements = Elements(make_page(tmp_path, {"a": 0.25, "b": 1.0}, {"a": 0.5, "b": 0.25}))
    assert [(card["data-name"], card["data-difference"]) for card in elements.cards()] == [
        ("DPG-Bench b", "-0.750000"), ("DPG-Bench a", "0.250000"),
    ]  # fmt: skip
    images = [attributes["src"] or "" for tag, attributes in elements.found if tag == "img"]
    assert len(images) == 4
    assert all(source.startswith("data:image/webp;base64,") for source in images)
    for shown in ("base and ella", "+25.0", "-75.0", "prompt <a>", "without its known faults"):
        assert shown in elements.text
    assert "ella scores 37.50 on DPG-Bench, 25.00 less than base, which may be chance." in elements.text


def test_the_page_loads_nothing_and_lets_only_its_own_script_run(tmp_path: Path) -> None:
    text = make_page(tmp_path, {"a": 0.25}, {"a": 0.5})
    links = [one[name] or "" for _, one in Elements(text).found for name in ("src", "href") if name in one]
    assert links
    assert all(link.startswith("data:") for link in links)
    assert "url(" not in text
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text


def test_what_a_prompt_says_is_text(tmp_path: Path) -> None:
    evil = "</p><script>alert(1)</script>\" onload=x '"
    text = make_page(tmp_path, {"a": 0.25}, {"a": 0.5}).replace("prompt &lt;a&gt;", "")
    assert "<a>" not in text
    folders = [save_run(tmp_path / name, {"a": dpg(0.5)}) for name in ("one", "two")]
    runs = read_runs(folders, "fixed")
    (pair,) = pairs(runs)
    object.__setattr__(pair, "text", evil)
    elements = Elements(render(runs, tables(runs), [pair], "fixed"))
    assert [tag for tag, _ in elements.found].count("script") == 1
    assert evil in elements.text
    assert (elements.cards()[0]["data-text"] or "").endswith(evil)


def test_cards_stop_where_the_page_would_grow_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {str(number): number / 10 for number in range(6)}
    zeros = dict.fromkeys(scores, 0.0)
    whole = make_page(tmp_path, zeros, scores)
    assert "6 of 6 prompts" in Elements(whole).text
    largest = max(map(len, re.findall(r"<article.*?</article>", whole, re.DOTALL)))
    monkeypatch.setattr(page, "MOST_BYTES", int(largest * 3.5))
    cut = Elements(make_page(tmp_path, zeros, scores))
    assert [card["data-name"] for card in cut.cards()] == ["DPG-Bench 5", "DPG-Bench 4", "DPG-Bench 3"]
    assert "3 of 3 prompts; 3 more differ less" in cut.text


def test_cards_of_images_that_hardly_shrink_stay_under_the_limit(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (384, 384, 3), dtype=np.uint8)
    folders = [save_run(tmp_path / name, {"a": dpg(0.5)}) for name in ("one", "two")]
    for folder in folders:
        Image.fromarray(noise).save(f"{folder}/images/a.png")
    runs = read_runs(folders, "fixed")
    (pair,) = pairs(runs)
    text = render(runs, tables(runs), [pair] * 200, "fixed")
    assert 17_000_000 < len(text.encode()) < 20_000_000


def test_runs_that_share_nothing_have_no_headline_of_differences(tmp_path: Path) -> None:
    one = save_run(tmp_path / "one", {"a": dpg(1.0)})
    two = save_run(tmp_path / "two", {"p": {"score": (3, 10)}}, what="t2i_compbench_shape")
    runs = read_runs([one, two], "fixed")
    assert headline(runs, tables(runs)) == "one and two were evaluated on different things."
    assert "0 of 0 prompts" in Elements(render(runs, tables(runs), pairs(runs), "fixed")).text
