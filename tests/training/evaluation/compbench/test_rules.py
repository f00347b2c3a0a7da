from pathlib import Path

import pytest
from PIL import Image

from tests.training.evaluation.compbench.reading import ArticleParser
from tests.training.evaluation.compbench.test_spatial import box
from training.evaluation.compbench import Category
from training.evaluation.compbench.images import Drawing, find
from training.evaluation.compbench.rules import SCORE, Evidence, Kind, Rules, fixed, published

EVIDENCE = Evidence(yes=[0.5, 0.5], boxes=[box("cup", 100, 100, score=1), box("dog", 220, 100, score=1)], cosine=0.3)


def rules(category: Category, **kinds: Kind) -> Rules:
    return Rules(category=category, parser=ArticleParser(), kinds={key.replace("_", " "): kinds[key] for key in kinds})


@pytest.mark.parametrize(("category", "score"), [("color", 0.25), ("spatial", 1.0), ("non-spatial", 0.3)])
def test_a_category_is_scored_by_what_it_is_about(category: Category, score: float) -> None:
    assert rules(category).published("a cup near a dog", EVIDENCE) == score
    assert rules(category).fixed("a cup near a dog", EVIDENCE) == score


@pytest.mark.parametrize(
    ("kind", "score"), [("spatial", (1 + 0.25) / 2), ("action", (0.3 + 0.25) / 2), ("both", (1 + 0.3 + 0.25) / 3)]
)
def test_a_complex_prompt_is_scored_by_the_mean_of_what_it_tells(kind: Kind, score: float) -> None:
    chosen = rules("complex", a_cup_near_a_dog=kind)
    assert chosen.published("a cup near a dog", EVIDENCE) == pytest.approx(score)
    assert chosen.fixed("a cup near a dog", EVIDENCE) == pytest.approx(score)


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [("a cup near a dog", "spatial"), ("a dog eats a cake", "action"), ("a dog near a cup eats a cake", "both")],
)
def test_what_is_not_listed_is_told_by_its_words(prompt: str, kind: Kind) -> None:
    assert rules("complex").kind(prompt) == kind


def test_what_says_nothing_is_left_out_of_the_fixed_mean_and_counts_as_its_rule_says_in_the_published_one() -> None:
    chosen = rules("complex", cup_under_table="spatial", a_cup_under_table="spatial")
    nothing = Evidence()
    assert chosen.published("cup under table", nothing) == 0.5  # attributes of nothing are 1, places of nothing 0
    assert not chosen.judgeable("cup under table")
    assert chosen.judgeable("a cup under table")
    assert chosen.fixed("a cup under table", Evidence(yes=[0.4])) == 0.4


def test_images_count_alike_in_the_published_mean_and_prompts_in_the_fixed_one(tmp_path: Path) -> None:
    for name in ("a cup_000000.png", "a cup_000001.png", "a cup_000002.png", "a dog_000000.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    (tmp_path / "a cup_000003.png").write_bytes(b"broken")
    drawings = find(str(tmp_path), ["a cup", "a dog", "a cat", "green"], allow_missing=True)

    def gather(drawing: Drawing, text: str) -> Evidence:
        return Evidence(yes=[0.8 if text == "a cup" else 0.2])

    by_images = {one.prompt_id: one.parts[SCORE] for one in published(drawings, gather, rules("color"))}
    assert by_images == {"a cup": (pytest.approx(2.4), 3), "a dog": (pytest.approx(0.2), 1)}
    by_prompts = {one.prompt_id: one.parts[SCORE] for one in fixed(drawings, gather, rules("color"))}
    assert by_prompts == {"a cup": (pytest.approx(0.6), 1), "a dog": (pytest.approx(0.2), 1), "a cat": (0, 1)}
